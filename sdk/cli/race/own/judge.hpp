// What the answers of a user's own scripts and commands mean. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "race/own/step.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli::own {

// A round after which the check was not satisfied.
struct lost_round {
  int round = 0;
  std::string key;
  std::string complaint;
};

// What the race came to, in all of its rounds.
struct report : shown_round {
  int rounds = 0;
  int submitted = 0;  // submits that were answered success, of all rounds
  int refused = 0;    // that were not
  int updated = 0;    // the same of updates
  int failed_updates = 0;
  std::string last_refusal;
  std::vector<lost_round> failures;
};

// Why a writer did not succeed: what it failed with; or that its last rows are none, or begin with a boolean that is
// not true. Empty if it did.
std::string refusal(const step_answer &answer);

// What --check complains about: its first row whose boolean is not true; without a boolean its first row. Empty if all
// is fine. A boolean without any row is a complaint, because nothing was looked at. Throws std::runtime_error if the
// script answered no columns.
std::string complaint(const step_answer &answer, bool command);

// The variables that --create makes: the columns of its last row, and the first of them once more as `key`. Throws
// std::runtime_error if there is none, or one has a name that the race itself uses.
variables created(const step_answer &answer);

}  // namespace ratchet::cli::own
