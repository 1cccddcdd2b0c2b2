#include "jobs_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "timeline.hpp"

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

std::string as_text(const jobs_options &options, const std::vector<jobs_report> &reports) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out,
                 "Main task, worker and heartbeat task write one job at once, in {} steps; think time up to {:g} ms,"
                 " seed {}\n\n",
                 options.steps, options.think.count() / 1000.0, options.seed);
  fmt::format_to(out, "{:<58}{:>5}{:>11}{:>19}{:>10}{:>12}{:>17}\n", "variant", "jobs", "went back",
                 "changed when done", "not done", "heartbeats", "heartbeats lost");
  for (const auto &r : reports) {
    fmt::format_to(out, "{:<7}{:<51}{:>5}{:>11}{:>19}{:>10}{:>12}{:>17}\n", to_string(r.kind), meaning(r.kind), r.jobs,
                   r.went_back, r.changed, r.not_done, r.heartbeats, r.lost_heartbeats);
  }
  text +=
      "\n"
      "went back          jobs whose progress jumped back\n"
      "changed when done  jobs of which state, progress or result changed after they had ended\n"
      "not done           jobs that were finished, and are not left done, at 100 %, with their result\n"
      "heartbeats         heartbeats that were written\n"
      "heartbeats lost    heartbeats that a later save overwrote with an older one\n";
  for (const auto &r : reports) {
    if (r.failed_round == 0) continue;
    fmt::format_to(out, "\nfirst job that '{}' got wrong: round {}", to_string(r.kind), r.failed_round);
    append_end(text, r.timeline);
  }
  append_kept(text, options, reports);
  return text;
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
                       {"timeline", as_json(r.timeline)}};
    if (options.keep) one["schema"] = r.schema;
    variants.push_back(std::move(one));
  }
  return {{"steps", options.steps},
          {"think_ms", options.think.count() / 1000.0},
          {"seed", options.seed},
          {"ok", !jobs_failed(reports)},
          {"variants", variants}};
}

bool jobs_failed(const std::vector<jobs_report> &reports) {
  return std::any_of(reports.begin(), reports.end(),
                     [](const auto &r) { return r.kind != jobs_variant::naive && r.failed(); });
}

}  // namespace ratchet::cli
