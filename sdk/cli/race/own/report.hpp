// How the race with own scripts is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "race/own/race.hpp"
#include "report/story.hpp"

namespace ratchet::cli {

story tell(const own_options &options, const own_report &report);

nlohmann::json as_json(const own_options &options, const own_report &report);

}  // namespace ratchet::cli
