#include "race/jobs/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "race/timeline.hpp"

namespace ratchet::cli::jobs {

namespace {

std::string_view meaning(variant kind) {
  switch (kind) {
    case variant::naive:
      return "no guard, whole rows are saved";
    case variant::guard:
      return "ratchet.guard(), whole rows are saved";
    case variant::calls:
      break;
  }
  return "ratchet.guard(), ratchet.advance(), beat(), sweep()";
}

std::string sentence(const std::vector<report> &reports, bool guarded) {
  int jobs = 0;
  int back = 0;
  int changed = 0;
  int twice = 0;
  for (const auto &r : reports) {
    if ((r.kind != variant::naive) != guarded) continue;
    jobs += r.jobs;
    back += r.went_back;
    changed += r.changed;
    twice += r.taken_twice;
  }
  if (jobs == 0) return {};
  return fmt::format(
      "{} ratchet, of {} jobs, the progress of {} went back, {} changed when they were done, and {} were "
      "taken twice.",
      guarded ? "With" : "Without", jobs, back, changed, twice);
}

}  // namespace

story tell(const options &asked, const std::vector<report> &reports) {
  story told;
  told.title = "Three tasks write one job, and two workers want one";
  told.headline = fmt::format(
      "Main task, worker and heartbeat task write one job at once, in {} steps; two workers take "
      "another, which one of them loses; {}",
      asked.steps, describe_times(asked));
  told.columns = {{"jobs", ""},
                  {"went back", "jobs whose progress jumped back"},
                  {"changed when done", "jobs of which state, progress or result changed after they had ended"},
                  {"not done", "jobs that were finished, and are not left done, at 100 %, with their result"},
                  {"heartbeats", "heartbeats that were written"},
                  {"heartbeats lost", "heartbeats that a later save overwrote with an older one"},
                  {"taken twice", "jobs that two workers took at once, and both have"},
                  {"displaced wrote", "jobs into which a worker wrote that they had been taken from"}};
  for (const auto &r : reports) {
    told.variants.push_back({std::string{to_string(r.kind)}, std::string{meaning(r.kind)},
                             as_cells(r.jobs, r.went_back, r.changed, r.not_done, r.heartbeats, r.lost_heartbeats,
                                      r.taken_twice, r.displaced_wrote),
                             r});
  }
  for (const auto &r : reports) told.notes.insert(told.notes.end(), r.handovers.begin(), r.handovers.end());
  told.verdict = joined(sentence(reports, false), sentence(reports, true));
  const auto kept = kept_schemas(asked, reports);
  told.notes.insert(told.notes.end(), kept.begin(), kept.end());
  return told;
}

nlohmann::json as_json(const options &asked, const std::vector<report> &reports) {
  auto variants = nlohmann::json::array();
  for (const auto &r : reports) {
    nlohmann::json one{{"variant", to_string(r.kind)},
                       {"jobs", r.jobs},
                       {"went_back", r.went_back},
                       {"changed_when_done", r.changed},
                       {"not_done", r.not_done},
                       {"heartbeats", r.heartbeats},
                       {"heartbeats_lost", r.lost_heartbeats},
                       {"taken_twice", r.taken_twice},
                       {"displaced_wrote", r.displaced_wrote},
                       {"handovers", r.handovers},
                       {"first_wrong_round", r.failed_round == 0 ? nlohmann::json{} : nlohmann::json(r.failed_round)},
                       {"timeline", as_json(r.failure())},
                       {"loss", r.loss}};
    if (asked.keep) one["schema"] = r.schema;
    variants.push_back(std::move(one));
  }
  return {
      {"steps", asked.steps}, {"think_ms", asked.think.count() / 1000.0}, {"delay_ms", asked.delay.count() / 1000.0},
      {"seed", asked.seed},   {"ok", !ratchet_failed(reports)},           {"variants", variants}};
}

bool ratchet_failed(const std::vector<report> &reports) {
  return std::any_of(reports.begin(), reports.end(),
                     [](const auto &r) { return r.kind != variant::naive && r.failed(); });
}

}  // namespace ratchet::cli::jobs
