#include "race/own/report.hpp"

#include <fmt/format.h>

#include "race/timeline.hpp"

namespace ratchet::cli::own {

namespace {

constexpr std::size_t listed_failures = 20;

// What became of the rows, of which the user may be the only one who knows how to remove them.
std::string rows_left(const options &asked, const own::report &report) {
  if (asked.throwaway) return {};
  if (!asked.cleanup.given()) return "every round's row is left: there was no --cleanup";
  if (!asked.keep_failed || report.failures.empty()) return {};
  return fmt::format("kept: the rows of {} failed round{}", report.failures.size(),
                     report.failures.size() == 1 ? "" : "s");
}

}  // namespace

story tell(const options &asked, const own::report &report) {
  story told;
  told.title = "A race with own scripts";
  told.headline =
      fmt::format("{} submit{} meet{} {} update{} of the same row; {}", asked.submitters,
                  asked.submitters == 1 ? "" : "s", asked.submitters == 1 ? "s" : "",
                  asked.update.given() ? asked.writers : 0, asked.writers == 1 ? "" : "s", describe_times(asked));
  told.columns = {{"rounds", ""},
                  {"lost", "rounds after which the check was not satisfied"},
                  {"submitted", "submits that were answered success"},
                  {"refused", "submits that were refused, or failed"},
                  {"updated", "updates that were answered success"},
                  {"not updated", "updates that were refused, or failed"}};
  told.variants.push_back({"own", "your scripts and commands",
                           as_cells(report.rounds, report.failures.size(), report.submitted, report.refused,
                                    report.updated, report.failed_updates),
                           report});
  for (std::size_t i = 0; i < report.failures.size() && i < listed_failures; ++i) {
    const auto &failure = report.failures[i];
    told.notes.push_back(fmt::format("lost: round {}, key {}: {}", failure.round, failure.key, failure.complaint));
  }
  if (report.failures.size() > listed_failures) {
    told.notes.push_back(fmt::format("and {} more; --json lists all", report.failures.size() - listed_failures));
  }
  if (auto left = rows_left(asked, report); !left.empty()) told.notes.push_back(std::move(left));
  return told;
}

nlohmann::json as_json(const options &asked, const own::report &report) {
  auto failures = nlohmann::json::array();
  for (const auto &failure : report.failures) {
    failures.push_back({{"round", failure.round}, {"key", failure.key}, {"complaint", failure.complaint}});
  }
  return {{"writers", asked.update.given() ? asked.writers : 0},
          {"submitters", asked.submitters},
          {"think_ms", asked.think.count() / 1000.0},
          {"delay_ms", asked.delay.count() / 1000.0},
          {"seed", asked.seed},
          {"ok", report.failures.empty()},
          {"rounds", report.rounds},
          {"lost", report.failures.size()},
          {"submits", {{"succeeded", report.submitted}, {"refused", report.refused}}},
          {"updates", {{"succeeded", report.updated}, {"refused", report.failed_updates}}},
          {"failures", failures},
          {"kept", !asked.throwaway && (asked.keep_failed || !asked.cleanup.given())},
          {"timeline", as_json(report.failure())},
          {"loss", report.loss}};
}

}  // namespace ratchet::cli::own
