#include "server_test.hpp"

namespace ratchet::test {
namespace {

using names = std::vector<std::string>;

class change_test : public server_test {};

TEST_F(change_test, changes_and_says_so) {
  const auto r = run(change("scorecards", 1).set("comment", "better").set("score", 2.5));
  EXPECT_EQ(r.outcome, update_outcome::updated);
  EXPECT_TRUE(r);
  EXPECT_EQ(http_status(r), 200);
  EXPECT_TRUE(r.kept.empty());
  EXPECT_EQ(ask("SELECT comment || ' ' || score FROM scorecards WHERE id = 1"), "better 2.5");
}

TEST_F(change_test, same_values_are_unchanged) {
  const auto before = ask("SELECT xmin FROM scorecards WHERE id = 1");
  const auto r = run(change("scorecards", 1).set("comment", "draft"));
  EXPECT_EQ(r.outcome, update_outcome::unchanged);
  EXPECT_FALSE(r);
  EXPECT_TRUE(r.holds());
  EXPECT_EQ(ask("SELECT xmin FROM scorecards WHERE id = 1"), before);
}

TEST_F(change_test, protected_columns_are_kept_and_named) {
  ASSERT_TRUE(run(submission("scorecards", 1).actor(7)));
  const auto only = run(change("scorecards", 1).set("submitted_at", nullptr).set("submitter_user_id", 8));
  EXPECT_EQ(only.outcome, update_outcome::kept);
  EXPECT_FALSE(only);
  EXPECT_EQ(http_status(only), 409);
  EXPECT_EQ(only.kept.size(), 2U);

  const auto both = run(change("scorecards", 1).set("submitted_at", nullptr).set("comment", "late"));
  EXPECT_EQ(both.outcome, update_outcome::updated);
  EXPECT_EQ(both.kept, names{"submitted_at"});
  EXPECT_EQ(ask("SELECT comment || ' ' || submitter_user_id FROM scorecards WHERE submitted_at IS NOT NULL"), "late 7");
}

TEST_F(change_test, failed_expectation_is_stale) {
  const auto r = run(change("scorecards", 1).set("comment", "x").expect("score", 2));
  EXPECT_EQ(r.outcome, update_outcome::stale);
  EXPECT_EQ(http_status(r), 412);
  EXPECT_EQ(r.stale, names{"score"});
  EXPECT_EQ(ask("SELECT comment FROM scorecards WHERE id = 1"), "draft");
  EXPECT_TRUE(run(change("scorecards", 1).set("comment", "x").expect("score", 1)));
}

TEST_F(change_test, missing_row_is_not_found) {
  const auto r = run(change("scorecards", 4711).set("comment", "x"));
  EXPECT_EQ(r.outcome, update_outcome::not_found);
  EXPECT_EQ(http_status(r), 404);
}

TEST_F(change_test, composite_keys_work) {
  sql("ALTER TABLE \"Other\".\"Défense\" ADD note text");
  const nlohmann::json key{{"evaluator_id", 8}, {"project_id", 1}};
  EXPECT_EQ(run(change("\"Other\".\"Défense\"", key).set("note", "n")).outcome, update_outcome::updated);
  EXPECT_EQ(ask("SELECT note FROM \"Other\".\"Défense\" WHERE evaluator_id = 8"), "n");
}

}  // namespace
}  // namespace ratchet::test
