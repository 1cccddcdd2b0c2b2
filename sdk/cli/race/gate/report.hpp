// How the race is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race/gate/race.hpp"
#include "report/story.hpp"

namespace ratchet::cli {

story tell(const race_options &options, const std::vector<race_report> &reports);

nlohmann::json as_json(const race_options &options, const std::vector<race_report> &reports);

// Whether a guarded variant lost something.
bool guard_failed(const std::vector<race_report> &reports);

}  // namespace ratchet::cli
