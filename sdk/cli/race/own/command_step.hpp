// A step that is a command.
#pragma once

#include "race/own/step.hpp"

namespace ratchet::cli::own {

// Exit status 0 is success. Variables replace {name} in its words, after they were split, and are in its environment.
class command_step : public step {
 public:
  command_step(const std::string &command, const surroundings &around);

  step_answer run(const std::string &who, const variables &known, std::chrono::steady_clock::time_point start,
                  const std::atomic<bool> &stop) override;
  bool may_fail() const override { return true; }

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::string> environment_;
  std::chrono::milliseconds limit_;
};

}  // namespace ratchet::cli::own
