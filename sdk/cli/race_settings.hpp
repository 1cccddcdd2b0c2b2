// What every race is told, and what it tells of a round.
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
  std::uint64_t seed = 0;
  bool keep = false;
};

// Something that a writer did in a round.
struct event {
  double ms = 0;  // since the start of the round
  std::string who;
  std::string what;
};

// Thrown when the user asked to stop.
struct interrupted : std::runtime_error {
  interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace ratchet::cli
