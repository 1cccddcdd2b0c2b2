// How the race for counters is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race/counters/race.hpp"
#include "report/story.hpp"

namespace ratchet::cli::counters {

story tell(const options &asked, const std::vector<report> &reports);

nlohmann::json as_json(const options &asked, const std::vector<report> &reports);

// Whether a tally was wrong.
bool ratchet_failed(const std::vector<report> &reports);

}  // namespace ratchet::cli::counters
