#include "runs_judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace ratchet::cli {

bool judge(const run_state &run, int round, runs_report &report) {
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
  std::stable_sort(events.begin(), events.end(), [](const auto &a, const auto &b) { return a.ms < b.ms; });
  const double end = events.empty() ? 0 : events.back().ms;
  events.push_back(
      {end, "run",
       fmt::format("has {} results, its count says {} of {}, is {}completed, completion was called {}x", run.results,
                   run.evaluated_count, run.total, run.is_completed ? "" : "not ", run.completions)});
  return events;
}

}  // namespace ratchet::cli
