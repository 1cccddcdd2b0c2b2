#include "command/health_statistics.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "terminal/cell_text.hpp"

namespace ratchet::cli {

namespace {

using nlohmann::json;

constexpr std::size_t shown_columns = 10;  // of the text; JSON has all

std::int64_t integer(const std::optional<std::string> &text) {
  return text ? std::strtoll(text->c_str(), nullptr, 10) : 0;
}
double number(const std::optional<std::string> &text) { return text ? std::strtod(text->c_str(), nullptr) : 0; }

json text_or_null(const std::optional<std::string> &text) { return text ? json(*text) : json{}; }

std::string sum_of(const stale_saves &one) {
  std::string text;
  const auto add = [&](std::int64_t count, const char *what) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  };
  add(one.kept, "kept");
  add(one.rejected, "rejected");
  add(one.observed, "observed");
  return text;
}

void print_stale(const std::vector<stale_saves> &stale) {
  for (std::size_t i = 0; i < stale.size() && i < shown_columns; ++i) {
    const auto &one = stale[i];
    fmt::print("  stale saves of {}, column {}: {}", printable(one.table), printable(one.column), sum_of(one));
    if (one.application)
      fmt::print("; the last by {}",
                 one.application->empty() ? "an application without name" : '"' + printable(*one.application) + '"');
    if (one.last_at) fmt::print(one.application ? " at {}" : "; the last at {}", *one.last_at);
    fmt::print("\n");
  }
  if (stale.size() > shown_columns)
    fmt::print("  and of {} more columns: SELECT * FROM ratchet.stat_columns\n", stale.size() - shown_columns);
}

}  // namespace

std::optional<health_statistics> read_statistics(session &database) {
  if (database.look("SELECT ratchet.stat_enabled()").at(0)[0] != "t") return std::nullopt;
  health_statistics seen;
  seen.since = database
                   .look(
                       "SELECT pg_catalog.to_char(pg_catalog.min(stats_reset), 'YYYY-MM-DD HH24:MI:SSOF')"
                       " FROM ratchet.stat")
                   .at(0)[0];
  for (const auto &line :
       database.look("SELECT relation::pg_catalog.text, column_name::pg_catalog.text, kept, rejected, observed,"
                     " last_application_name, pg_catalog.to_char(last_at, 'YYYY-MM-DD HH24:MI:SSOF')"
                     " FROM ratchet.stat_columns WHERE kept + rejected + observed > 0"
                     " ORDER BY kept + rejected + observed DESC, 1, 2"))
    seen.stale.push_back({line[0].value_or(""), line[1].value_or(""), integer(line[2]), integer(line[3]),
                          integer(line[4]), line[5], line[6]});
  for (const auto &line : database.look("SELECT relation::pg_catalog.text, waits, wait_time, wait_time_max"
                                        " FROM ratchet.stat WHERE wait_time_max > 1000 ORDER BY wait_time_max DESC, 1"))
    seen.waits.push_back({line[0].value_or(""), integer(line[1]), number(line[2]), number(line[3])});
  for (const auto &line : database.look("SELECT relation::pg_catalog.text, limited FROM ratchet.stat"
                                        " WHERE limited > 0 ORDER BY limited DESC, 1"))
    seen.limited.push_back({line[0].value_or(""), integer(line[1])});
  return seen;
}

void print_statistics(const std::optional<health_statistics> &seen) {
  if (!seen) {
    fmt::print("No statistics are kept here: ratchet is not in shared_preload_libraries.\n");
    return;
  }
  if (!seen->since) return;
  if (seen->stale.empty() && seen->waits.empty() && seen->limited.empty()) {
    fmt::print("Since {} no stale save, no long wait and no limited call.\n", *seen->since);
    return;
  }
  fmt::print("Since {}:\n", *seen->since);
  print_stale(seen->stale);
  for (const auto &one : seen->waits)
    fmt::print("  writes of {} have waited {} {}, {:.1f} s in all, {:.1f} s at the longest\n", printable(one.table),
               one.waits, one.waits == 1 ? "time" : "times", one.time / 1000, one.longest / 1000);
  for (const auto &one : seen->limited)
    fmt::print("  submit() of {}: {} {} beyond rate_limit\n", printable(one.table), one.calls,
               one.calls == 1 ? "call" : "calls");
}

json json_of(const std::optional<health_statistics> &seen) {
  if (!seen) return {};
  auto stale = json::array();
  for (const auto &one : seen->stale)
    stale.push_back({{"table", one.table},
                     {"column", one.column},
                     {"kept", one.kept},
                     {"rejected", one.rejected},
                     {"observed", one.observed},
                     {"application", text_or_null(one.application)},
                     {"last_at", text_or_null(one.last_at)}});
  auto waits = json::array();
  for (const auto &one : seen->waits)
    waits.push_back(
        {{"table", one.table}, {"waits", one.waits}, {"wait_time_ms", one.time}, {"wait_time_max_ms", one.longest}});
  auto limited = json::array();
  for (const auto &one : seen->limited) limited.push_back({{"table", one.table}, {"calls", one.calls}});
  return {
      {"stats_reset", text_or_null(seen->since)}, {"stale_saves", stale}, {"long_waits", waits}, {"limited", limited}};
}

}  // namespace ratchet::cli
