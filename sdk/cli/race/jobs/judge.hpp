// What became of a job: looks through all versions of its row. Pure, so that it can be tested with histories that no
// guard would let happen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "race/event.hpp"
#include "race/jobs/variant.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli::jobs {

// One version of a job's row.
struct job_version {
  std::string status;
  int progress = 0;
  std::optional<std::string> result;
  std::optional<std::int64_t> alive_at;  // microseconds since 1970
};

// What a variant came to, in all of its rounds.
struct report : shown_round {
  variant kind = variant::naive;
  std::string schema;
  int jobs = 0;
  int went_back = 0;        // jobs whose progress was less than before at some time
  int changed = 0;          // jobs of which state, progress or result changed after they had ended
  int not_done = 0;         // jobs that are not left done, at 100 %, with their result
  int heartbeats = 0;       // that were written, of all jobs
  int lost_heartbeats = 0;  // of them undone by a save with an older one

  bool failed() const { return went_back + changed + not_done + lost_heartbeats > 0; }
};

// Adds the job of this round to the report. True if it is the first one that failed. `versions` are all that were ever
// committed, in that order, from the one that it was created as; everybody has stopped, and the main task was answered
// that the job is done.
bool judge(const std::vector<job_version> &versions, int round, jobs::report &report);

// The events of all writers in the order of time, and the job that they left.
std::vector<event> timeline(std::vector<event> events, const job_version &after);

// "running, 40 %, no result".
std::string describe(const job_version &job);

}  // namespace ratchet::cli::jobs
