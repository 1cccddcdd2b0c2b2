// The verdict on a round of `pg_ratchet race`: what it must find, and what it must not call a loss.
#include <gtest/gtest.h>

#include "race/gate/judge.hpp"
#include "race/gate/report.hpp"

namespace ratchet::cli::gate {
namespace {

constexpr std::int64_t noon = 1700000000000000;

// A whole-row save, at this place in the order of writes.
writing save(std::int64_t tick, const std::string &comment) { return {"saver", tick, comment, {}, false, {}}; }

// A submission that saves its whole row, or one that leaves the comment alone.
writing submission(std::int64_t tick, std::optional<std::string> comment = {}) {
  return {"submitter", tick, std::move(comment), noon, false, {}};
}

TEST(gate, intact_rounds_lost_nothing) {
  const row_state after{noon, submitter_id, "new"};
  EXPECT_FALSE(judge(submission(1), {save(2, "new")}, after).lost());
  EXPECT_FALSE(judge(submission(2), {save(1, "new")}, after).lost());
  EXPECT_FALSE(judge(submission(2, "new"), {save(1, "new")}, after).overwritten);
}

TEST(gate, submission_that_is_gone_or_changed_is_lost) {
  const std::vector<writing> saves{save(2, "new")};
  EXPECT_TRUE(judge(submission(1), saves, {std::nullopt, std::nullopt, "new"}).submission_lost);
  EXPECT_TRUE(judge(submission(1), saves, {std::nullopt, submitter_id, "new"}).submission_lost);
  EXPECT_TRUE(judge(submission(1), saves, {noon, std::nullopt, "new"}).submission_lost);
  EXPECT_TRUE(judge(submission(1), saves, {noon, "8", "new"}).submission_lost);
  EXPECT_TRUE(judge(submission(1), saves, {noon + 1, submitter_id, "new"}).submission_lost);
  writing unanswered = submission(1);
  unanswered.submitted_at.reset();
  EXPECT_TRUE(judge(unanswered, saves, {std::nullopt, submitter_id, "new"}).submission_lost);
}

TEST(gate, comment_that_was_written_last_must_be_there) {
  const row_state after{noon, submitter_id, "draft"};
  EXPECT_TRUE(judge(submission(1), {save(2, "new")}, after).comment_lost);
  EXPECT_TRUE(judge(submission(2), {save(1, "new")}, after).comment_lost);  // submit() leaves the comment alone
  EXPECT_TRUE(judge(submission(1, "draft"), {save(2, "new")}, after).comment_lost);
  EXPECT_TRUE(judge(submission(3), {save(1, "a"), save(2, "b")}, {noon, submitter_id, "a"}).comment_lost);
}

TEST(gate, later_save_of_the_whole_row_is_an_overwrite_and_no_loss) {
  const auto v = judge(submission(2, "draft"), {save(1, "new")}, {noon, submitter_id, "draft"});
  EXPECT_FALSE(v.lost());
  EXPECT_TRUE(v.overwritten);
  EXPECT_FALSE(judge(submission(1), {save(3, "b"), save(2, "a")}, {noon, submitter_id, "b"}).lost());
}

TEST(gate, guard_is_seen_in_any_writer) {
  auto kept = save(2, "new");
  kept.guarded = true;
  EXPECT_TRUE(judge(submission(1), {save(3, "x"), kept}, {}).guarded);
  EXPECT_FALSE(judge(submission(1), {save(3, "x")}, {}).guarded);
}

TEST(gate, timeline_follows_the_clock) {
  auto first = submission(1);
  first.events = {{0.5, "submitter", "read"}, {3, "submitter", "wrote"}};
  auto second = save(2, "new");
  second.events = {{1, "saver", "read"}, {4, "saver", "wrote"}};
  std::string text;
  for (const auto &e : timeline(first, {second}, {std::nullopt, std::nullopt, "new"}))
    text += e.who + " " + e.what + ";";
  EXPECT_EQ(text, "submitter read;saver read;submitter wrote;saver wrote;row is now not submitted, comment 'new';");
}

TEST(gate, only_a_guarded_variant_fails_the_run) {
  gate::report lost;
  lost.lost_submissions = 1;
  EXPECT_FALSE(ratchet_failed({lost}));
  lost.kind = variant::any;
  EXPECT_TRUE(ratchet_failed({lost}));
  lost.lost_submissions = 0;
  EXPECT_FALSE(ratchet_failed({lost}));
  lost.lost_comments = 1;
  EXPECT_TRUE(ratchet_failed({gate::report{}, lost}));
}

}  // namespace
}  // namespace ratchet::cli::gate
