// The load test that finds jobs which go backward: what it is told, and what it finds.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "race/jobs/variant.hpp"
#include "race/settings.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli {

struct jobs_options : race_settings {
  std::vector<jobs_variant> variants{jobs_variant::naive, jobs_variant::guard, jobs_variant::calls};
  int steps = 5;  // in which the worker goes from 0 to 100 %
};

struct jobs_report : shown_round {
  jobs_variant kind = jobs_variant::naive;
  std::string schema;
  int jobs = 0;
  int went_back = 0;        // jobs whose progress was less than before at some time
  int changed = 0;          // jobs of which state, progress or result changed after they had ended
  int not_done = 0;         // jobs that are not left done, at 100 %, with their result
  int heartbeats = 0;       // that were written, of all jobs
  int lost_heartbeats = 0;  // of them undone by a save with an older one

  bool failed() const { return went_back + changed + not_done + lost_heartbeats > 0; }
};

// Runs every variant in a scratch schema of its own. `progress` is called after each round with the variant and the
// number of rounds done; `stop` is looked at between rounds.
std::vector<jobs_report> run_jobs(const jobs_options &options, const std::function<void(jobs_variant, int)> &progress,
                                  const std::atomic<bool> &stop);

}  // namespace ratchet::cli
