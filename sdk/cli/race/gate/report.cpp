#include "race/gate/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "race/timeline.hpp"

namespace ratchet::cli::gate {

namespace {

std::string_view meaning(variant kind) {
  switch (kind) {
    case variant::none:
      return "no guard, Submit saves its row";
    case variant::any:
      return "guard, gate_by 'any', Submit saves its row";
    case variant::submit:
      break;
  }
  return "guard, gate_by 'submit', ratchet.submit()";
}

double percent(int part, int whole) { return whole == 0 ? 0.0 : 100.0 * part / whole; }

std::string sentence(const std::vector<report> &reports, bool guarded) {
  int lost = 0;
  int rounds = 0;
  for (const auto &r : reports) {
    if ((r.kind != variant::none) != guarded) continue;
    lost += r.lost_submissions;
    rounds += r.rounds;
  }
  if (rounds == 0) return {};
  return fmt::format("{} ratchet {} of {} submissions that were answered success were lost.",
                     guarded ? "With" : "Without", lost, rounds);
}

}  // namespace

story tell(const options &asked, const std::vector<report> &reports) {
  story told;
  told.title = "Submit meets stale saves";
  told.headline = fmt::format("Submit meets {} stale save{} of the same row; {}", asked.writers,
                              asked.writers == 1 ? "" : "s", describe_times(asked));
  told.columns = {{"rounds", ""},
                  {"lost submissions", "rounds in which Submit answered success and is gone afterwards"},
                  {"lost comments", "rounds in which the comment that was saved last is not there afterwards"},
                  {"guard acted", "rounds in which the guard kept a column of a stale save"},
                  {"overwritten",
                   "rounds in which Submit's whole-row save put an older comment over a newer one; submit() does not"}};
  for (const auto &r : reports) {
    const auto lost = fmt::format("{} ({:.1f} %)", r.lost_submissions, percent(r.lost_submissions, r.rounds));
    told.variants.push_back({std::string{to_string(r.kind)}, std::string{meaning(r.kind)},
                             as_cells(r.rounds, lost, r.lost_comments, r.guarded, r.overwritten), r});
  }
  told.notes = kept_schemas(asked, reports);
  told.verdict = joined(sentence(reports, false), sentence(reports, true));
  return told;
}

nlohmann::json as_json(const options &asked, const std::vector<report> &reports) {
  auto variants = nlohmann::json::array();
  for (const auto &r : reports) {
    nlohmann::json one{{"variant", to_string(r.kind)},
                       {"rounds", r.rounds},
                       {"lost_submissions", r.lost_submissions},
                       {"lost_submissions_percent", percent(r.lost_submissions, r.rounds)},
                       {"lost_comments", r.lost_comments},
                       {"guard_acted", r.guarded},
                       {"overwritten", r.overwritten},
                       {"first_lost_round", r.failed_round == 0 ? nlohmann::json{} : nlohmann::json(r.failed_round)},
                       {"timeline", as_json(r.failure())},
                       {"loss", r.loss}};
    if (asked.keep) one["schema"] = r.schema;
    variants.push_back(std::move(one));
  }
  return {{"writers", asked.writers},
          {"think_ms", asked.think.count() / 1000.0},
          {"delay_ms", asked.delay.count() / 1000.0},
          {"seed", asked.seed},
          {"ok", !ratchet_failed(reports)},
          {"variants", variants}};
}

bool ratchet_failed(const std::vector<report> &reports) {
  return std::any_of(reports.begin(), reports.end(), [](const auto &r) { return r.kind != variant::none && r.lost(); });
}

}  // namespace ratchet::cli::gate
