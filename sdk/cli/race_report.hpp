// How the race is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race.hpp"

namespace ratchet::cli {

// A table of the variants, and the timeline of the first round that each of them lost.
std::string as_text(const race_options &options, const std::vector<race_report> &reports);

nlohmann::json as_json(const race_options &options, const std::vector<race_report> &reports);

// Whether a guarded variant lost something.
bool guard_failed(const std::vector<race_report> &reports);

}  // namespace ratchet::cli
