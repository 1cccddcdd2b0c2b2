// What became of a run: compares its counters with its results. Pure, so that it can be tested with runs that no tally
// would let happen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "race/counters/race.hpp"

namespace ratchet::cli {

// A run and what belongs to it, after every writer is done.
struct run_state {
  std::int64_t total = 0;
  std::int64_t evaluated_count = 0;
  std::int64_t correct_count = 0;
  bool is_completed = false;
  std::int64_t results = 0;      // that are stored
  std::int64_t correct = 0;      // of them
  std::int64_t completions = 0;  // how often completion was called
};

// Adds the run of this round to the report. True if it is the first one that failed. Every writer was answered success,
// so there must be as many results as the total says.
bool judge(const run_state &run, int round, runs_report &report);

// The events of all writers in the order of time, and the run that they left.
std::vector<event> timeline(std::vector<event> events, const run_state &run);

}  // namespace ratchet::cli
