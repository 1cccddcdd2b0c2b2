#include "race/jobs/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "race/timeline.hpp"

namespace ratchet::cli {

namespace {

std::string_view meaning(jobs_variant kind) {
  switch (kind) {
    case jobs_variant::naive:
      return "no guard, whole rows are saved";
    case jobs_variant::guard:
      return "ratchet.guard(), whole rows are saved";
    case jobs_variant::calls:
      break;
  }
  return "ratchet.guard(), ratchet.advance(), ratchet.beat()";
}

}  // namespace

story tell(const jobs_options &options, const std::vector<jobs_report> &reports) {
  story told;
  told.title = "Three tasks write one job";
  told.headline = fmt::format("Main task, worker and heartbeat task write one job at once, in {} steps; {}",
                              options.steps, describe_times(options));
  told.columns = {{"jobs", ""},
                  {"went back", "jobs whose progress jumped back"},
                  {"changed when done", "jobs of which state, progress or result changed after they had ended"},
                  {"not done", "jobs that were finished, and are not left done, at 100 %, with their result"},
                  {"heartbeats", "heartbeats that were written"},
                  {"heartbeats lost", "heartbeats that a later save overwrote with an older one"}};
  for (const auto &r : reports) {
    told.variants.push_back({std::string{to_string(r.kind)}, std::string{meaning(r.kind)},
                             as_cells(r.jobs, r.went_back, r.changed, r.not_done, r.heartbeats, r.lost_heartbeats), r});
  }
  told.notes = kept_schemas(options, reports);
  return told;
}

nlohmann::json as_json(const jobs_options &options, const std::vector<jobs_report> &reports) {
  auto variants = nlohmann::json::array();
  for (const auto &r : reports) {
    nlohmann::json one{{"variant", to_string(r.kind)},
                       {"jobs", r.jobs},
                       {"went_back", r.went_back},
                       {"changed_when_done", r.changed},
                       {"not_done", r.not_done},
                       {"heartbeats", r.heartbeats},
                       {"heartbeats_lost", r.lost_heartbeats},
                       {"first_wrong_round", r.failed_round == 0 ? nlohmann::json{} : nlohmann::json(r.failed_round)},
                       {"timeline", as_json(r.failure())},
                       {"loss", r.loss}};
    if (options.keep) one["schema"] = r.schema;
    variants.push_back(std::move(one));
  }
  return {{"steps", options.steps},
          {"think_ms", options.think.count() / 1000.0},
          {"delay_ms", options.delay.count() / 1000.0},
          {"seed", options.seed},
          {"ok", !jobs_failed(reports)},
          {"variants", variants}};
}

bool jobs_failed(const std::vector<jobs_report> &reports) {
  return std::any_of(reports.begin(), reports.end(),
                     [](const auto &r) { return r.kind != jobs_variant::naive && r.failed(); });
}

}  // namespace ratchet::cli
