// The load test that finds wrong counters of runs: what it is told, and how it is run.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "race/counters/judge.hpp"
#include "race/counters/variant.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::counters {

struct options : race_settings {
  std::vector<variant> variants{variant::increment, variant::recount, variant::refresh, variant::tally};
  int batches = 3;      // that each writer stores in a round
  int batch_size = 10;  // results in one of them

  // Results of a run when everybody is done, which is its total.
  int total() const { return writers * batches * batch_size; }
};

// Runs every variant in a scratch schema of its own. `progress` is called after each round with the variant and the
// number of rounds done; `stop` is looked at between rounds.
std::vector<report> run_race(const options &asked, const std::function<void(variant, int)> &progress,
                             const std::atomic<bool> &stop);

}  // namespace ratchet::cli::counters
