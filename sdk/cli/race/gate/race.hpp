// The load test that finds lost submissions: what it is told, and how it is run.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "race/gate/judge.hpp"
#include "race/gate/variant.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::gate {

struct options : race_settings {
  std::vector<variant> variants{variant::none, variant::any, variant::submit};
};

// Runs every variant in a scratch schema of its own. `progress` is called after each round with the variant and the
// number of rounds done; `stop` is looked at between rounds.
std::vector<report> run_race(const options &asked, const std::function<void(variant, int)> &progress,
                             const std::atomic<bool> &stop);

}  // namespace ratchet::cli::gate
