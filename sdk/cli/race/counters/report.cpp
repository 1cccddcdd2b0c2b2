#include "race/counters/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "race/timeline.hpp"

namespace ratchet::cli::counters {

namespace {

std::string_view meaning(variant kind) {
  switch (kind) {
    case variant::increment:
      return "read the count, add, save";
    case variant::recount:
      return "store, count, save: one transaction";
    case variant::refresh:
      return "store, commit; count, save";
    case variant::tally:
      break;
  }
  return "ratchet.tally(), ratchet.submit_batch()";
}

std::string sentence(const std::vector<report> &reports, bool tallied) {
  int runs = 0;
  int wrong = 0;
  int completion = 0;
  for (const auto &r : reports) {
    if ((r.kind == variant::tally) != tallied) continue;
    runs += r.runs;
    wrong += r.wrong;
    completion += r.not_completed + r.completed_again;
  }
  if (runs == 0) return {};
  return fmt::format("{} {} of {} runs have a wrong count, and {} were not completed, or more than once.",
                     tallied ? "With ratchet" : "Without ratchet", wrong, runs, completion);
}

}  // namespace

story tell(const options &asked, const std::vector<report> &reports) {
  story told;
  told.title = "Writers count results";
  told.headline = fmt::format("{} writer{} store{} the {} results of a run at once, in batches of {}; {}",
                              asked.writers, asked.writers == 1 ? "" : "s", asked.writers == 1 ? "s" : "",
                              asked.total(), asked.batch_size, describe_times(asked));
  told.columns = {{"runs", ""},
                  {"results", "results that are stored"},
                  {"counted", "sum of the runs' own counters"},
                  {"drift", "by how much they are off"},
                  {"wrong", "runs with a wrong counter, or without all of their results"},
                  {"not completed", "runs that have all their results and are not marked as completed"},
                  {"completed again", "runs for which completion was called more than once"}};
  for (const auto &r : reports) {
    told.variants.push_back(
        {std::string{to_string(r.kind)}, std::string{meaning(r.kind)},
         as_cells(r.runs, r.results, r.counted, r.drift, r.wrong, r.not_completed, r.completed_again), r});
  }
  told.notes = kept_schemas(asked, reports);
  told.verdict = joined(sentence(reports, false), sentence(reports, true));
  return told;
}

nlohmann::json as_json(const options &asked, const std::vector<report> &reports) {
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
                       {"timeline", as_json(r.failure())},
                       {"loss", r.loss}};
    if (asked.keep) one["schema"] = r.schema;
    variants.push_back(std::move(one));
  }
  return {{"writers", asked.writers},
          {"batches", asked.batches},
          {"batch_size", asked.batch_size},
          {"think_ms", asked.think.count() / 1000.0},
          {"delay_ms", asked.delay.count() / 1000.0},
          {"seed", asked.seed},
          {"ok", !ratchet_failed(reports)},
          {"variants", variants}};
}

bool ratchet_failed(const std::vector<report> &reports) {
  return std::any_of(reports.begin(), reports.end(),
                     [](const auto &r) { return r.kind == variant::tally && r.failed(); });
}

}  // namespace ratchet::cli::counters
