// The load test that finds jobs which go backward: what it is told, and how it is run.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "race/jobs/judge.hpp"
#include "race/jobs/variant.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::jobs {

struct options : race_settings {
  std::vector<variant> variants{variant::naive, variant::guard, variant::calls};
  int steps = 5;  // in which the worker goes from 0 to 100 %
};

// Runs every variant in a scratch schema of its own. `progress` is called after each round with the variant and the
// number of rounds done; `stop` is looked at between rounds.
std::vector<report> run_race(const options &asked, const std::function<void(variant, int)> &progress,
                             const std::atomic<bool> &stop);

}  // namespace ratchet::cli::jobs
