// How the race for jobs is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race/jobs/race.hpp"
#include "report/story.hpp"

namespace ratchet::cli {

story tell(const jobs_options &options, const std::vector<jobs_report> &reports);

nlohmann::json as_json(const jobs_options &options, const std::vector<jobs_report> &reports);

// Whether a job behind a guard went wrong.
bool jobs_failed(const std::vector<jobs_report> &reports);

}  // namespace ratchet::cli
