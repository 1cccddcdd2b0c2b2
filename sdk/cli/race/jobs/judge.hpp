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
  int went_back = 0;                   // jobs whose progress was less than before at some time
  int changed = 0;                     // jobs of which state, progress or result changed after they had ended
  int not_done = 0;                    // jobs that are not left done, at 100 %, with their result
  int heartbeats = 0;                  // that were written, of all jobs
  int lost_heartbeats = 0;             // of them undone by a save with an older one
  int taken_twice = 0;                 // jobs that two workers were answered to have
  int displaced_wrote = 0;             // jobs into which a worker wrote that they had been taken from
  std::vector<std::string> handovers;  // the first of each of these two, in a sentence

  bool failed() const { return went_back + changed + not_done + lost_heartbeats + taken_twice + displaced_wrote > 0; }
};

// Adds the job of this round to the report. True if it is the first one that failed. `versions` are all that were ever
// committed, in that order, from the one that it was created as; everybody has stopped, and the main task was answered
// that the job is done.
bool judge(const std::vector<job_version> &versions, int round, jobs::report &report);

// A job that two workers asked for at once, and that was then taken from the one and given to the other.
struct handed_job {
  int takers = 0;             // workers that were answered to have it, of the two
  std::string displaced;      // from whom it was taken
  std::string successor;      // who took it over
  bool late_success = false;  // the displaced one was answered that its result is written
  bool finished = false;      // the other was
  std::string expected;       // the result that it wrote
  std::string status;         // what is left of the job
  std::optional<std::string> result;
  std::vector<event> events;  // of everybody
};

// Adds that job to the report, as the other judge does.
bool judge(const handed_job &job, int round, jobs::report &report);

// The events of all writers in the order of time, and the job that they left.
std::vector<event> timeline(std::vector<event> events, const job_version &after);

// "running, 40 %, no result".
std::string describe(const job_version &job);

}  // namespace ratchet::cli::jobs
