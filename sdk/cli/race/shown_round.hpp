// The round of a variant that is shown to people.
#pragma once

#include <string>
#include <vector>

#include "race/event.hpp"

namespace ratchet::cli {

struct shown_round {
  int failed_round = 0;         // first round that went wrong; 0: none
  int number = 0;               // of the shown round: that one, or without one an ordinary one
  std::vector<event> timeline;  // of the shown round
  std::string loss;             // which write undid which there; empty if nothing did or it cannot be told

  // The timeline of what went wrong, if anything did.
  std::vector<event> failure() const { return failed_round == 0 ? std::vector<event>{} : timeline; }
};

}  // namespace ratchet::cli
