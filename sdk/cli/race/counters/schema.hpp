// The tables of the race for counters.
#pragma once

#include <cstdint>
#include <string>

#include "race/counters/judge.hpp"
#include "race/scratch_schema.hpp"

namespace ratchet::cli::counters {

// Owns a schema with runs, their results, and a table of the calls of completion.
class schema : public scratch_schema {
 public:
  schema(const std::string &dsn, variant kind, const std::string &tag, bool keep);

  // Creates a run without results; returns its id.
  std::int64_t new_run(int total);

  run_state look(std::int64_t id);
};

}  // namespace ratchet::cli::counters
