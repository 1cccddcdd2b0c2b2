// The tables of the race for jobs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "race/jobs/judge.hpp"
#include "race/scratch_schema.hpp"

namespace ratchet::cli::jobs {

// Owns a schema with jobs, a history of every version of each of them, and jobs that workers take from each other.
class schema : public scratch_schema {
 public:
  schema(const std::string &dsn, variant kind, const std::string &tag, bool keep);

  // Creates a queued job; returns its id.
  std::int64_t new_job();

  // Creates a queued job that is handed over; returns its id.
  std::int64_t new_handed_job();

  // Adds what is left of it.
  void read_handed_job(std::int64_t id, handed_job &job);

  // All versions of the job, in the order in which they were committed.
  std::vector<job_version> history(std::int64_t id);
};

}  // namespace ratchet::cli::jobs
