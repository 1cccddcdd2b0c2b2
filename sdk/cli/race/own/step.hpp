// A step of a round that the user wrote: an SQL script on a connection of its own, or a command.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "race/event.hpp"
#include "race/own/variables.hpp"

namespace ratchet::cli::own {

// What the user gave for a step; at most one of them.
struct source {
  std::string script;   // path
  std::string command;  // as split_command() takes it

  bool given() const { return !script.empty() || !command.empty(); }
};

// What all steps share.
struct surroundings {
  std::string dsn;
  std::chrono::microseconds delay{0};              // of the network, for scripts
  std::chrono::milliseconds limit{30000};          // for a statement, and for a command
  std::map<std::string, std::string> environment;  // of commands, beside the variables
};

// The rows that a step answered: the last ones of a script; the last line of what a command printed, as `key`.
struct answered_rows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;
  bool verdict = false;  // the first column is a boolean
};

struct step_answer {
  std::string failure;  // what the server or the command said; empty: none
  answered_rows answered;
  std::vector<event> events;
};

class step {
 public:
  step() = default;
  virtual ~step() = default;
  step(const step &) = delete;
  step &operator=(const step &) = delete;

  // Runs it. The events are of `who`, and count from `start`. Throws `interrupted` when `stop` is set meanwhile, and
  // std::runtime_error where the fault is in what the user wrote and not in the race.
  virtual step_answer run(const std::string &who, const variables &known, std::chrono::steady_clock::time_point start,
                          const std::atomic<bool> &stop) = 0;

  // Whether a failure is an answer like any other, also where none is expected.
  virtual bool may_fail() const = 0;
};

}  // namespace ratchet::cli::own
