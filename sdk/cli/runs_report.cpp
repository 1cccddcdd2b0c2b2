#include "runs_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "timeline.hpp"

namespace ratchet::cli {

namespace {

std::string_view meaning(runs_variant kind) {
  switch (kind) {
    case runs_variant::increment:
      return "read the count, add, save";
    case runs_variant::recount:
      return "store, count, save: one transaction";
    case runs_variant::refresh:
      return "store, commit; count, save";
    case runs_variant::tally:
      break;
  }
  return "ratchet.tally(), ratchet.submit_batch()";
}

}  // namespace

std::string as_text(const runs_options &options, const std::vector<runs_report> &reports) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out,
                 "{} writer{} store{} the {} results of a run at once, in batches of {}; think time up to {:g} ms,"
                 " seed {}\n\n",
                 options.writers, options.writers == 1 ? "" : "s", options.writers == 1 ? "s" : "", options.total(),
                 options.batch_size, options.think.count() / 1000.0, options.seed);
  fmt::format_to(out, "{:<51}{:>5}{:>9}{:>9}{:>9}{:>7}{:>15}{:>17}\n", "variant", "runs", "results", "counted", "drift",
                 "wrong", "not completed", "completed again");
  for (const auto &r : reports) {
    fmt::format_to(out, "{:<11}{:<40}{:>5}{:>9}{:>9}{:>9}{:>7}{:>15}{:>17}\n", to_string(r.kind), meaning(r.kind),
                   r.runs, r.results, r.counted, r.drift, r.wrong, r.not_completed, r.completed_again);
  }
  text +=
      "\n"
      "results          results that are stored\n"
      "counted          sum of the runs' own counters\n"
      "drift            by how much they are off\n"
      "wrong            runs with a wrong counter, or without all of their results\n"
      "not completed    runs that have all their results and are not marked as completed\n"
      "completed again  runs for which completion was called more than once\n";
  for (const auto &r : reports) {
    if (r.failed_round == 0) continue;
    fmt::format_to(out, "\nfirst run that '{}' got wrong: round {}", to_string(r.kind), r.failed_round);
    append_end(text, r.timeline);
  }
  append_kept(text, options, reports);
  return text;
}

nlohmann::json as_json(const runs_options &options, const std::vector<runs_report> &reports) {
  auto variants = nlohmann::json::array();
  for (const auto &r : reports) {
    nlohmann::json one{{"variant", to_string(r.kind)},
                       {"runs", r.runs},
                       {"results", r.results},
                       {"counted", r.counted},
                       {"drift", r.drift},
                       {"wrong", r.wrong},
                       {"not_completed", r.not_completed},
                       {"completed_again", r.completed_again},
                       {"first_wrong_round", r.failed_round == 0 ? nlohmann::json{} : nlohmann::json(r.failed_round)},
                       {"timeline", as_json(r.timeline)}};
    if (options.keep) one["schema"] = r.schema;
    variants.push_back(std::move(one));
  }
  return {{"writers", options.writers},
          {"batches", options.batches},
          {"batch_size", options.batch_size},
          {"think_ms", options.think.count() / 1000.0},
          {"seed", options.seed},
          {"ok", !tally_failed(reports)},
          {"variants", variants}};
}

bool tally_failed(const std::vector<runs_report> &reports) {
  return std::any_of(reports.begin(), reports.end(),
                     [](const auto &r) { return r.kind == runs_variant::tally && r.failed(); });
}

}  // namespace ratchet::cli
