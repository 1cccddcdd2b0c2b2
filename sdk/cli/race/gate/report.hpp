// How the race is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race/gate/race.hpp"
#include "report/story.hpp"

namespace ratchet::cli::gate {

story tell(const options &asked, const std::vector<report> &reports);

nlohmann::json as_json(const options &asked, const std::vector<report> &reports);

// Whether a guarded variant lost something.
bool ratchet_failed(const std::vector<report> &reports);

}  // namespace ratchet::cli::gate
