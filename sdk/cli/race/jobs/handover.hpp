// The second half of a round: a job that one of two workers is to have, and that is taken from a worker who has
// stalled.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "race/jobs/judge.hpp"
#include "race/jobs/race.hpp"
#include "race/jobs/worker.hpp"

namespace ratchet::cli::jobs {

// Owns the connections of the two workers and of who sweeps.
class handover {
 public:
  handover(const options &asked, const std::string &schema, variant kind, std::mt19937_64 &random);

  // Two workers take the queued job `id` at once. One that has it stalls and is swept, the other takes over, and both
  // write their result. What they were answered; the caller adds what is left of the job.
  handed_job run(std::int64_t id);

 private:
  const options &options_;
  std::mt19937_64 &random_;
  worker first_;
  worker second_;
  worker sweeper_;
};

}  // namespace ratchet::cli::jobs
