// The tables of the race for jobs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "race/jobs/judge.hpp"
#include "race/scratch_schema.hpp"

namespace ratchet::cli {

// Owns a schema with jobs, and a history of every version of each of them.
class jobs_schema : public scratch_schema {
 public:
  jobs_schema(const std::string &dsn, jobs_variant kind, const std::string &tag, bool keep);

  // Creates a queued job; returns its id.
  std::int64_t new_job();

  // All versions of the job, in the order in which they were committed.
  std::vector<job_version> history(std::int64_t id);
};

}  // namespace ratchet::cli
