#include "race_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "timeline.hpp"

namespace ratchet::cli {

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

}  // namespace

std::string as_text(const race_options &options, const std::vector<race_report> &reports) {
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "Submit meets {} stale save{} of the same row; think time up to {:g} ms, seed {}\n\n",
                 options.writers, options.writers == 1 ? "" : "s", options.think.count() / 1000.0, options.seed);
  fmt::format_to(out, "{:<52}{:>7}{:>19}{:>15}{:>13}{:>13}\n", "variant", "rounds", "lost submissions", "lost comments",
                 "guard acted", "overwritten");
  for (const auto &r : reports) {
    fmt::format_to(out, "{:<8}{:<44}{:>7}{:>10} {:>6.1f} %{:>15}{:>13}{:>13}\n", to_string(r.kind), meaning(r.kind),
                   r.rounds, r.lost_submissions, percent(r.lost_submissions, r.rounds), r.lost_comments, r.guarded,
                   r.overwritten);
  }
  text +=
      "\n"
      "lost submissions  rounds in which Submit answered success and is gone afterwards\n"
      "lost comments     rounds in which the comment that was saved last is not there afterwards\n"
      "guard acted       rounds in which the guard kept a column of a stale save\n"
      "overwritten       rounds in which Submit, saving its whole row, wrote an older comment over a newer one;\n"
      "                  only ratchet.submit() or an UPDATE of single columns avoids that\n";
  for (const auto &r : reports) {
    if (r.failed_round == 0) continue;
    fmt::format_to(out, "\nfirst round lost with '{}': round {}\n", to_string(r.kind), r.failed_round);
    append(text, r.timeline);
  }
  append_kept(text, options, reports);
  return text;
}

nlohmann::json as_json(const race_options &options, const std::vector<race_report> &reports) {
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
                       {"timeline", as_json(r.timeline)}};
    if (options.keep) one["schema"] = r.schema;
    variants.push_back(std::move(one));
  }
  return {{"writers", options.writers},
          {"think_ms", options.think.count() / 1000.0},
          {"seed", options.seed},
          {"ok", !guard_failed(reports)},
          {"variants", variants}};
}

bool guard_failed(const std::vector<race_report> &reports) {
  return std::any_of(reports.begin(), reports.end(), [](const auto &r) { return r.kind != variant::none && r.lost(); });
}

}  // namespace ratchet::cli
