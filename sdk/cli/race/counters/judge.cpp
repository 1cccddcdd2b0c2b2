#include "race/counters/judge.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "race/timeline.hpp"

namespace ratchet::cli::counters {

bool judge(const run_state &run, int round, counters::report &report) {
  const auto drift = std::abs(run.results - run.evaluated_count);
  const bool wrong = drift != 0 || run.correct_count != run.correct || run.results != run.total;
  const bool not_completed = run.results >= run.total && (!run.is_completed || run.completions == 0);
  const bool completed_again = run.completions > 1;
  ++report.runs;
  report.results += run.results;
  report.counted += run.evaluated_count;
  report.drift += drift;
  report.wrong += wrong ? 1 : 0;
  report.not_completed += not_completed ? 1 : 0;
  report.completed_again += completed_again ? 1 : 0;
  if (report.failed_round != 0 || !(wrong || not_completed || completed_again)) return false;
  report.failed_round = round;
  return true;
}

std::vector<event> timeline(std::vector<event> events, const run_state &run) {
  return in_order(
      std::move(events), "run",
      fmt::format("has {} results, its count says {} of {}, is {}completed, completion was called {}x", run.results,
                  run.evaluated_count, run.total, run.is_completed ? "" : "not ", run.completions));
}

}  // namespace ratchet::cli::counters
