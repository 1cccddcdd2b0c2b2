// The verdict on a run of `pg_ratchet race --runs`: what it must find, and what it must not call wrong.
#include <gtest/gtest.h>

#include "race/counters/judge.hpp"
#include "race/counters/report.hpp"

namespace ratchet::cli::counters {
namespace {

// A run of 120 results, a third of them correct, that everything is right with.
run_state intact() { return {120, 120, 40, true, 120, 40, 1}; }

// What the verdict on one run is.
counters::report judged(const run_state &run) {
  counters::report report;
  const bool first = judge(run, 3, report);
  EXPECT_EQ(first, report.failed());
  EXPECT_EQ(report.failed_round, report.failed() ? 3 : 0);
  EXPECT_EQ(report.runs, 1);
  return report;
}

TEST(counters, intact_run_is_fine) {
  const auto report = judged(intact());
  EXPECT_FALSE(report.failed());
  EXPECT_EQ(report.results, 120);
  EXPECT_EQ(report.counted, 120);
  EXPECT_EQ(report.drift, 0);
}

TEST(counters, any_difference_is_drift) {
  auto less = intact();
  less.evaluated_count = 110;
  EXPECT_EQ(judged(less).drift, 10);
  EXPECT_EQ(judged(less).wrong, 1);
  auto more = intact();
  more.evaluated_count = 130;
  EXPECT_EQ(judged(more).drift, 10);
  EXPECT_EQ(judged(more).wrong, 1);
  auto second = intact();
  second.correct_count = 39;
  EXPECT_EQ(judged(second).wrong, 1);
}

TEST(counters, differences_do_not_cancel_out) {
  counters::report report;
  auto run = intact();
  run.evaluated_count = 110;
  EXPECT_TRUE(judge(run, 5, report));
  run.evaluated_count = 130;
  EXPECT_FALSE(judge(run, 6, report));  // not the first
  EXPECT_EQ(report.failed_round, 5);
  EXPECT_EQ(report.drift, 20);
  EXPECT_EQ(report.results, report.counted);
  EXPECT_EQ(report.wrong, 2);
}

TEST(counters, results_that_are_not_there_are_wrong_although_the_count_fits) {
  auto run = intact();
  run.results = run.evaluated_count = 119;
  EXPECT_EQ(judged(run).wrong, 1);
  EXPECT_EQ(judged(run).not_completed, 0);
}

TEST(counters, completion_is_called_once_and_stays) {
  auto never = intact();
  never.is_completed = false;
  never.completions = 0;
  EXPECT_EQ(judged(never).not_completed, 1);
  auto undone = intact();
  undone.is_completed = false;
  EXPECT_EQ(judged(undone).not_completed, 1);
  auto silent = intact();
  silent.completions = 0;
  EXPECT_EQ(judged(silent).not_completed, 1);
  auto again = intact();
  again.completions = 2;
  EXPECT_EQ(judged(again).completed_again, 1);
  EXPECT_EQ(judged(again).not_completed, 0);
}

TEST(counters, timeline_follows_the_clock) {
  std::string text;
  for (const auto &e : timeline({{2, "b", "stored"}, {1, "a", "stored"}}, intact())) text += e.who + " " + e.what + ";";
  EXPECT_EQ(text,
            "a stored;b stored;"
            "run has 120 results, its count says 120 of 120, is completed, completion was called 1x;");
}

TEST(counters, only_a_tally_fails_the_race) {
  counters::report report;
  report.completed_again = 1;
  EXPECT_FALSE(ratchet_failed({report}));
  report.kind = variant::tally;
  EXPECT_TRUE(ratchet_failed({report}));
  EXPECT_FALSE(as_json({}, {report}).at("ok").get<bool>());
  report.completed_again = 0;
  EXPECT_FALSE(ratchet_failed({report}));
  report.not_completed = 1;
  EXPECT_TRUE(ratchet_failed({counters::report{}, report}));
}

TEST(counters, verdict_is_one_of_both_sides) {
  counters::report without, with;
  without.runs = 5;
  without.wrong = 2;
  without.completed_again = 1;
  with.kind = variant::tally;
  with.runs = 7;
  EXPECT_EQ(tell({}, {without, with}).verdict,
            "Without ratchet 2 of 5 runs have a wrong count, and 1 were not completed, or more than once. "
            "With ratchet 0 of 7 runs have a wrong count, and 0 were not completed, or more than once.");
  EXPECT_EQ(tell({}, {with}).verdict.rfind("With ratchet 0 of 7", 0), 0U);
}

TEST(counters, report_shows_the_end_of_a_long_timeline) {
  counters::report report;
  report.failed_round = 7;
  for (int i = 1; i <= 20; ++i) report.timeline.push_back({1.0 * i, "writer", "did " + std::to_string(i)});
  const auto text = as_text(tell({}, {report}));
  EXPECT_NE(text.find("round 7\n              ... 4 events left out\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("did 4\n"), std::string::npos);
  EXPECT_NE(text.find("did 5\n"), std::string::npos);
  EXPECT_NE(text.find("did 20\n"), std::string::npos);
  EXPECT_EQ(as_json({}, {report}).at("variants").at(0).at("timeline").size(), 20U);
}

}  // namespace
}  // namespace ratchet::cli::counters
