// The load test that finds lost submissions: what it is told, and what it finds.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "race_variant.hpp"

namespace ratchet::cli {

struct race_options {
  std::string dsn;
  std::vector<variant> variants{variant::none, variant::any, variant::submit};
  int rounds = 200;
  int writers = 1;  // stale savers in a round
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

struct race_report {
  variant kind = variant::none;
  std::string schema;
  int rounds = 0;
  int lost_submissions = 0;     // Submit answered success, and afterwards its gate, time or submitter are not there
  int lost_comments = 0;        // the last save of the comment is not in the row
  int overwritten = 0;          // Submit's own whole-row save wrote an older comment over a newer one
  int guarded = 0;              // rounds in which the guard kept a column
  int failed_round = 0;         // first round that lost something; 0: none
  std::vector<event> timeline;  // of that round

  bool lost() const { return lost_submissions + lost_comments > 0; }
};

// Thrown when the user asked to stop.
struct interrupted : std::runtime_error {
  interrupted() : std::runtime_error("interrupted") {}
};

// Runs every variant in a scratch schema of its own. `progress` is called after each round with the variant and the
// number of rounds done; `stop` is looked at between rounds.
std::vector<race_report> run_race(const race_options &options, const std::function<void(variant, int)> &progress,
                                  const std::atomic<bool> &stop);

}  // namespace ratchet::cli
