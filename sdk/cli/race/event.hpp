// What happened in a round, as its writers saw it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace ratchet::cli {

enum class act {
  note,   // began, or was told something
  read,   // has what it will save, from here on
  wrote,  // and was answered success
  failed,
  left  // what everybody left behind
};

// What an event has to do with a loss.
enum class part {
  none,
  undone,
  undoing,
  repeated  // what should have happened once
};

// Something that a writer did in a round.
struct event {
  double ms = 0;  // since the start of the round, when its answer had arrived
  std::string who;
  std::string what;
  act kind = act::note;
  std::optional<std::int64_t> value{};  // of what only grows: the count, the progress that was read or written
  part in_loss = part::none;
};

// The time of an event of now, in a round that began at `start`.
inline double ms_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>{std::chrono::steady_clock::now() - start}.count();
}

}  // namespace ratchet::cli
