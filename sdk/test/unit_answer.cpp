// What the server answers in JSON, as the SDK reads it: also what only another version of the server would say.
#include "answer.hpp"

#include <gtest/gtest.h>

#include <ratchet/ratchet.hpp>

namespace ratchet {
namespace {

using nlohmann::json;

// The kind of the ratchet::error that the call throws, with its SQLSTATE, or what happened instead.
template <typename Call>
std::string refused(Call call) {
  try {
    (void)call();
  } catch (const error &e) {
    return std::string{to_string(e.kind())} + " " + e.sqlstate();
  }
  return "accepted";
}

constexpr const char *run_7 =
    R"({"parent": "public.runs", "key": {"id": 7}, "done": false,
        "columns": {"evaluated_count": 4, "score_total": 2.50, "is_completed": false, "completed_at": null}})";

TEST(answer, progress_is_read) {
  const auto run = detail::parent(run_7);
  ASSERT_TRUE(run);
  EXPECT_EQ(run->parent, "public.runs");
  EXPECT_EQ(run->key, (json{{"id", 7}}));
  EXPECT_EQ(run->columns.at("is_completed"), false);
  EXPECT_EQ(run->columns.at("score_total"), 2.5);
  EXPECT_EQ(run->done, false);
  EXPECT_FALSE(detail::parent(std::nullopt));
}

TEST(answer, done_is_empty_where_none_is_declared) {
  for (const char *text :
       {R"({"parent": "r", "key": {}, "columns": {}, "done": null})", R"({"parent": "r", "key": {}, "columns": {}})"}) {
    EXPECT_FALSE(detail::parent(text)->done) << text;
  }
  EXPECT_EQ(detail::parent(R"({"parent": "r", "key": {}, "columns": {}, "done": true})")->done, true);
}

TEST(answer, several_parents_keep_their_order) {
  const auto both = detail::parents(
      R"([{"parent": "b", "key": {"x": 1, "y": "2"}, "columns": {}}, {"parent": "a", "key": {}, "columns": {}}])");
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].parent, "b");
  EXPECT_EQ(both[0].key, (json{{"x", 1}, {"y", "2"}}));
  EXPECT_EQ(both[1].parent, "a");
  EXPECT_TRUE(detail::parents("[]").empty());
  EXPECT_TRUE(detail::parents(std::nullopt).empty());
}

TEST(answer, duplicates_are_read) {
  const auto list = detail::duplicates(
      R"([{"index": 3, "constraint": "one_each", "same_as": 1}, {"index": 4, "constraint": null, "same_as": null}])");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].index, 3U);
  EXPECT_EQ(list[0].constraint, "one_each");
  EXPECT_EQ(list[0].same_as, 1U);
  EXPECT_EQ(list[1].index, 4U);
  EXPECT_EQ(list[1].constraint, "");
  EXPECT_FALSE(list[1].same_as);
  EXPECT_TRUE(detail::duplicates("[]").empty());
  EXPECT_TRUE(detail::duplicates(std::nullopt).empty());
}

TEST(answer, what_a_newer_server_adds_is_passed_over) {
  EXPECT_EQ(detail::duplicates(R"([{"index": 0, "row": {"id": 1}}])").size(), 1U);
  EXPECT_EQ(detail::parent(R"({"parent": "r", "key": {}, "columns": {"n": 1}, "since": 5})")->count("n"), 1);
}

TEST(answer, what_cannot_be_read_is_an_error) {
  EXPECT_EQ(refused([] { return detail::document("{"); }), "other ");
  EXPECT_EQ(refused([] { return detail::names("{}"); }), "other ");
  EXPECT_EQ(refused([] { return detail::names("[1]"); }), "other ");
  EXPECT_EQ(refused([] { return detail::parent("[]"); }), "other ");
  EXPECT_EQ(refused([] { return detail::parent(R"({"parent": "r", "key": {}})"); }), "other ");
  EXPECT_EQ(refused([] { return detail::parents(run_7); }), "other ");
  EXPECT_EQ(refused([] { return detail::duplicates(R"([{"constraint": "c"}])"); }), "other ");
  EXPECT_EQ(refused([] { return detail::number("4x"); }), "other ");
  EXPECT_EQ(refused([] { return detail::number(""); }), "other ");
  EXPECT_EQ(refused([] { return detail::number("9223372036854775808"); }), "other ");
}

TEST(answer, numbers_have_64_bits) {
  EXPECT_EQ(detail::number("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(detail::number("-1"), -1);
  EXPECT_EQ(detail::number(std::nullopt), 0);
}

TEST(answer, times_are_microseconds) {
  EXPECT_EQ(detail::time("1700000000000001")->time_since_epoch().count(), 1700000000000001);
  EXPECT_EQ(detail::time("-1")->time_since_epoch().count(), -1);
  EXPECT_FALSE(detail::time(std::nullopt));
  EXPECT_EQ(detail::duration("1500000"), std::chrono::milliseconds{1500});
  EXPECT_FALSE(detail::duration(std::nullopt));
  EXPECT_EQ(refused([] { return detail::time("now"); }), "other ");
  EXPECT_EQ(refused([] { return detail::duration("1.5"); }), "other ");
}

TEST(parent_progress, counts_are_whole_numbers_or_null) {
  parent_progress run;
  run.parent = "public.runs";
  run.columns = json::parse(R"({"n": 4, "least": -9223372036854775808, "most": 9223372036854775807, "at": null,
                                "over": 9223372036854775808, "real": 5.00, "flag": true, "text": "5"})");
  EXPECT_EQ(run.count("n"), 4);
  EXPECT_EQ(run.count("least"), INT64_MIN);
  EXPECT_EQ(run.count("most"), INT64_MAX);
  EXPECT_EQ(run.count("at"), std::nullopt);
  for (const char *column : {"over", "real", "flag", "text", "no_such_column"}) {
    EXPECT_EQ(refused([&] { return run.count(column); }), "argument 22023") << column;
  }
  try {
    (void)run.count("evaluted");
  } catch (const error &e) {
    EXPECT_STREQ(e.what(), "no column \"evaluted\" in the progress of public.runs");
  }
}

}  // namespace
}  // namespace ratchet
