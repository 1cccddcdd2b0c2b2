// What contracts have had to do, as far as whoever asks for their health wants to know it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "command/session.hpp"

namespace ratchet::cli {

// Writes of a column that a contract has not let through, or would not have.
struct stale_saves {
  std::string table;
  std::string column;
  std::int64_t kept;
  std::int64_t rejected;
  std::int64_t observed;
  std::optional<std::string> application;  // that sent the last one; nullopt: the user may not see it
  std::optional<std::string> last_at;
};

// Waits of a contract's writes, in milliseconds.
struct long_waits {
  std::string table;
  std::int64_t waits;
  double time;
  double longest;
};

// Calls of submit() beyond a rate limit.
struct limited_calls {
  std::string table;
  std::int64_t calls;
};

struct health_statistics {
  std::optional<std::string> since;  // the earliest reset; nullopt: there is no contract
  std::vector<stale_saves> stale;    // the most first
  std::vector<long_waits> waits;     // where one was longer than a second, the longest first
  std::vector<limited_calls> limited;
};

// nullopt: the server keeps none.
std::optional<health_statistics> read_statistics(session &database);

void print_statistics(const std::optional<health_statistics> &seen);

// null where the server keeps none.
nlohmann::json json_of(const std::optional<health_statistics> &seen);

}  // namespace ratchet::cli
