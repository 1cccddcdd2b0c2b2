// How the race for counters is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race/counters/race.hpp"
#include "report/story.hpp"

namespace ratchet::cli {

story tell(const runs_options &options, const std::vector<runs_report> &reports);

nlohmann::json as_json(const runs_options &options, const std::vector<runs_report> &reports);

// Whether a tally was wrong.
bool tally_failed(const std::vector<runs_report> &reports);

}  // namespace ratchet::cli
