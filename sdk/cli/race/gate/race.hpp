// The load test that finds lost submissions: what it is told, and what it finds.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "race/gate/variant.hpp"
#include "race/settings.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli {

struct race_options : race_settings {
  std::vector<variant> variants{variant::none, variant::any, variant::submit};
};

struct race_report : shown_round {
  variant kind = variant::none;
  std::string schema;
  int rounds = 0;
  int lost_submissions = 0;  // Submit answered success, and afterwards its gate, time or submitter are not there
  int lost_comments = 0;     // the last save of the comment is not in the row
  int overwritten = 0;       // Submit's own whole-row save wrote an older comment over a newer one
  int guarded = 0;           // rounds in which the guard kept a column

  bool lost() const { return lost_submissions + lost_comments > 0; }
};

// Runs every variant in a scratch schema of its own. `progress` is called after each round with the variant and the
// number of rounds done; `stop` is looked at between rounds.
std::vector<race_report> run_race(const race_options &options, const std::function<void(variant, int)> &progress,
                                  const std::atomic<bool> &stop);

}  // namespace ratchet::cli
