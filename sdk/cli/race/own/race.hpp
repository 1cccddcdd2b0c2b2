// The race with the user's own scripts and commands: what it is told, and what it finds.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "race/own/step.hpp"
#include "race/settings.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli {

struct own_options : race_settings {
  own_source create;
  own_source update;  // may be missing where several submit
  own_source submit;
  own_source check;
  own_source cleanup;  // may be missing
  std::string setup;   // script that runs once, before everything; may be missing
  own_surroundings around;
  int submitters = 1;
  std::chrono::microseconds jitter{0};  // longest time before a writer starts
  std::chrono::microseconds wait{0};    // longest time until the check must pass
  bool keep_failed = false;
  bool throwaway = false;  // the rows go with their server
};

// A round after which the check was not satisfied.
struct own_failure {
  int round = 0;
  std::string key;
  std::string complaint;
};

struct own_report : shown_round {
  int rounds = 0;
  int submitted = 0;  // submits that were answered success, of all rounds
  int refused = 0;    // that were not
  int updated = 0;    // the same of updates
  int failed_updates = 0;
  std::string last_refusal;
  std::vector<own_failure> failures;
};

// Runs the rounds. `progress` is called after each with the number of rounds done; `stop` is looked at all the time:
// what was created is cleaned up before `interrupted` is thrown. Throws std::runtime_error, too, if no submit ever
// succeeded, because then nothing was raced.
own_report run_own(const own_options &options, const std::function<void(int)> &progress, const std::atomic<bool> &stop);

}  // namespace ratchet::cli
