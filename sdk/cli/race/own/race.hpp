// The race with the user's own scripts and commands: what it is told, and how it is run.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "race/own/judge.hpp"
#include "race/own/step.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::own {

struct options : race_settings {
  source create;
  source update;  // may be missing where several submit
  source submit;
  source check;
  source cleanup;     // may be missing
  std::string setup;  // script that runs once, before everything; may be missing
  surroundings around;
  int submitters = 1;
  std::chrono::microseconds jitter{0};  // longest time before a writer starts
  std::chrono::microseconds wait{0};    // longest time until the check must pass
  bool keep_failed = false;
  bool throwaway = false;  // the rows go with their server
};

// Runs the rounds. `progress` is called after each with the number of rounds done; `stop` is looked at all the time:
// what was created is cleaned up before `interrupted` is thrown. Throws std::runtime_error, too, if no submit ever
// succeeded, because then nothing was raced.
report run_race(const options &asked, const std::function<void(int)> &progress, const std::atomic<bool> &stop);

}  // namespace ratchet::cli::own
