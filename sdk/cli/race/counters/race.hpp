// The load test that finds wrong counters of runs: what it is told, and what it finds.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "race/counters/variant.hpp"
#include "race/settings.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli {

struct runs_options : race_settings {
  std::vector<runs_variant> variants{runs_variant::increment, runs_variant::recount, runs_variant::refresh,
                                     runs_variant::tally};
  int batches = 3;      // that each writer stores in a round
  int batch_size = 10;  // results in one of them

  // Results of a run when everybody is done, which is its total.
  int total() const { return writers * batches * batch_size; }
};

struct runs_report : shown_round {
  runs_variant kind = runs_variant::increment;
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

// Runs every variant in a scratch schema of its own. `progress` is called after each round with the variant and the
// number of rounds done; `stop` is looked at between rounds.
std::vector<runs_report> run_runs(const runs_options &options, const std::function<void(runs_variant, int)> &progress,
                                  const std::atomic<bool> &stop);

}  // namespace ratchet::cli
