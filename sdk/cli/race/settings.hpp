// What every race is told.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace ratchet::cli {

struct race_settings {
  std::string dsn;
  int rounds = 0;
  int writers = 0;
  std::chrono::microseconds think{20000};
  std::chrono::microseconds delay{0};  // of a round trip to the server, added to its own
  std::uint64_t seed = 0;
  bool keep = false;
};

// Thrown when the user asked to stop.
struct interrupted : std::runtime_error {
  interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace ratchet::cli
