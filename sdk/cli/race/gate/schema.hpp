// The table of the race for a gate.
#pragma once

#include <cstdint>
#include <string>

#include "race/gate/judge.hpp"
#include "race/scratch_schema.hpp"

namespace ratchet::cli::gate {

// Owns a schema with the scorecard table.
class schema : public scratch_schema {
 public:
  schema(const std::string &dsn, variant kind, const std::string &tag, bool keep);

  // Creates an open scorecard; returns its id.
  std::int64_t new_scorecard(int round);

  row_state look(std::int64_t id);
};

}  // namespace ratchet::cli::gate
