// How the race for counters is told, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runs.hpp"

namespace ratchet::cli {

// A table of the variants, and the end of the first round that each of them lost.
std::string as_text(const runs_options &options, const std::vector<runs_report> &reports);

nlohmann::json as_json(const runs_options &options, const std::vector<runs_report> &reports);

// Whether a tally was wrong.
bool tally_failed(const std::vector<runs_report> &reports);

}  // namespace ratchet::cli
