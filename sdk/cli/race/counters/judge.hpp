// What became of a run: compares its counters with its results. Pure, so that it can be tested with runs that no tally
// would let happen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "race/counters/variant.hpp"
#include "race/event.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli::counters {

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

// What a variant came to, in all of its rounds.
struct report : shown_round {
  variant kind = variant::increment;
  std::string schema;
  int runs = 0;
  std::int64_t results = 0;  // stored, of all runs
  std::int64_t counted = 0;  // of them in the counters
  std::int64_t drift = 0;    // sum of the differences, whatever their sign
  int wrong = 0;             // runs with a wrong counter, or without all of their results
  int not_completed = 0;     // runs that have all results, and are not completed
  int completed_again = 0;   // runs for which completion was called more than once

  bool failed() const { return wrong + not_completed + completed_again > 0; }
};

// Adds the run of this round to the report. True if it is the first one that failed. Every writer was answered success,
// so there must be as many results as the total says.
bool judge(const run_state &run, int round, counters::report &report);

// The events of all writers in the order of time, and the run that they left.
std::vector<event> timeline(std::vector<event> events, const run_state &run);

}  // namespace ratchet::cli::counters
