// How the race for jobs is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race/jobs/race.hpp"
#include "report/story.hpp"

namespace ratchet::cli::jobs {

story tell(const options &asked, const std::vector<report> &reports);

nlohmann::json as_json(const options &asked, const std::vector<report> &reports);

// Whether a job behind a guard went wrong.
bool ratchet_failed(const std::vector<report> &reports);

}  // namespace ratchet::cli::jobs
