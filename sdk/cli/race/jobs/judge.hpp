// What became of a job: looks through all versions of its row. Pure, so that it can be tested with histories that no
// guard would let happen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "race/jobs/race.hpp"

namespace ratchet::cli {

// One version of a job's row.
struct job_version {
  std::string status;
  int progress = 0;
  std::optional<std::string> result;
  std::optional<std::int64_t> alive_at;  // microseconds since 1970
};

// Adds the job of this round to the report. True if it is the first one that failed. `versions` are all that were ever
// committed, in that order, from the one that it was created as; everybody has stopped, and the main task was answered
// that the job is done.
bool judge(const std::vector<job_version> &versions, int round, jobs_report &report);

// The events of all writers in the order of time, and the job that they left.
std::vector<event> timeline(std::vector<event> events, const job_version &after);

// "running, 40 %, no result".
std::string describe(const job_version &job);

}  // namespace ratchet::cli
