// How the race with own scripts is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "race/own/race.hpp"
#include "report/story.hpp"

namespace ratchet::cli::own {

story tell(const options &asked, const own::report &report);

nlohmann::json as_json(const options &asked, const own::report &report);

}  // namespace ratchet::cli::own
