#include "top/views.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "terminal/cell_text.hpp"
#include "terminal/meter.hpp"

namespace ratchet::cli::top {

const std::array<const char *, view_count> view_names{"contracts", "runs", "stuck", "stale"};

namespace {

cell text_cell(const std::string &text, style look = style::plain) { return {printable(text), 0, look}; }

// Nothing known is less than any number.
cell missing() { return {"-", -std::numeric_limits<double>::infinity(), style::dim}; }

cell number_cell(double value, style look = style::plain) {
  return {short_number(value), value, value == 0 ? style::dim : look};
}

cell duration_cell(std::optional<double> ms) { return ms ? cell{short_duration(*ms), *ms, style::plain} : missing(); }

std::string name_of(const contract &one) {
  if (one.kind == "parent") return one.table + " (counters)";
  return one.parent.empty() ? one.table : one.table + " -> " + one.parent;
}

cell state_of(const contract &one) {
  if (one.kind == "parent") return {"", 0, style::plain};
  if (!one.enabled) return {"OFF", 0, style::alarm};
  if (one.mode.find("observe") != std::string::npos) {
    return {one.mode == "observe" ? "observe" : "part", 0, style::warning};
  }
  return {"on", 0, style::plain};
}

// A figure as a column of its own.
struct figure_column {
  const char *title;
  figure which;
  int rank;
};
constexpr std::array<figure_column, 3> refusals{
    {{"KEPT", figure::kept, 2}, {"REJECT", figure::rejected, 4}, {"OBSERV", figure::observed, 5}}};
constexpr std::array<figure_column, 25> others{
    {{"SUBMIT", figure::submitted, 20},    {"ALREADY", figure::already_submitted, 21},
     {"REPLAY", figure::replayed, 24},     {"CONFL", figure::conflict, 25},
     {"STALE", figure::stale, 23},         {"LIMITED", figure::limited, 26},
     {"FULL", figure::full, 27},           {"KEYUSED", figure::key_reused, 40},
     {"NOTFND", figure::not_found, 41},    {"ADVANC", figure::advanced, 22},
     {"THERE", figure::already_there, 42}, {"REFUSE", figure::refused, 28},
     {"UPDATE", figure::updated, 29},      {"UNCHNG", figure::unchanged, 43},
     {"ALIVE", figure::alive, 33},         {"FINISH", figure::finished, 44},
     {"AMEND", figure::amended, 34},       {"SUSPEND", figure::suspended, 35},
     {"SWEPT", figure::swept, 36},         {"COUNTED", figure::counted, 30},
     {"FLUSH", figure::flushes, 31},       {"COMPLET", figure::completions, 32},
     {"SPILLED", figure::spilled, 37},     {"FOLDED", figure::folded, 38},
     {"ROLLBK", figure::rolled_back, 13}}};

table contracts_table(const sample &now, const rates &speed, bool totals) {
  table result;
  result.if_empty = "No contracts here: ratchet.guard() and ratchet.tally() declare them.";
  const auto number = [&](const char *title, std::size_t width, int rank) {
    result.columns.push_back({title, width, rank, true, false});
  };
  result.columns.push_back({"CONTRACT", 16, 0, false, true});
  result.columns.push_back({"MODE", 7, 3, false, false});
  number("WRITES", 7, 1);
  number("DENIED", 7, 8);
  for (const auto &one : refusals) number(one.title, 7, one.rank);
  number("WAITS", 7, 6);
  number("AVG WAIT", 8, 7);
  number("MAX WAIT", 8, 12);
  number("MEDIAN", 7, 14);
  number("99%", 7, 15);
  for (const auto &one : others) number(one.title, 7, one.rank);

  for (const auto &one : now.contracts) {
    line cells{text_cell(name_of(one)), state_of(one)};
    const auto shown = !one.seen ? std::nullopt : totals ? std::optional{total_of(*one.seen)} : speed.of(one);
    if (shown) {
      const auto &f = *shown;
      cells.push_back(number_cell(f.writes()));
      cells.push_back(number_cell(f.denied()));
      for (const auto &column : refusals) cells.push_back(number_cell(f[column.which], style::warning));
      cells.push_back(number_cell(f[figure::waits]));
      cells.push_back(duration_cell(f.wait_each_ms()));
      cells.push_back(f.wait_max_ms > 0 ? duration_cell(f.wait_max_ms) : missing());
      for (const double part : {0.5, 0.99}) cells.push_back(duration_cell(quantile(f.submits, now.bounds_ms, part)));
      for (const auto &column : others) cells.push_back(number_cell(f[column.which]));
    }
    cells.resize(result.columns.size(), missing());
    result.lines.push_back(std::move(cells));
  }
  return result;
}

table runs_table(const sample &now) {
  table result;
  result.columns = {{"TABLE", 8, 0, false, true}, {"KEY", 10, 1, false, true},    {"COUNTED", 9, 2, true, false},
                    {"TOTAL", 9, 3, true, false}, {"MISSING", 9, 4, true, false}, {"DONE", 6, 5, true, false},
                    {"PER S", 7, 6, true, false}, {"LEFT", 8, 7, true, false}};
  result.if_empty = "No run is under way: no tally has a total that is not reached.";
  for (const auto &one : now.runs) {
    const double missing_rows = one.total - one.counted;
    const double share = one.counted / one.total;
    line cells{text_cell(one.table),
               text_cell(one.key),
               number_cell(one.counted),
               number_cell(one.total),
               number_cell(missing_rows),
               {fmt::format("{:.1f}%", std::min(std::floor(share * 1000) / 10, 99.9)), share, style::plain},
               one.per_s ? number_cell(*one.per_s) : missing(),
               missing()};
    if (one.per_s && *one.per_s > 0) {
      // What is nearest to its end comes first.
      const double left = missing_rows / *one.per_s;
      cells.back() = {short_age(left), -left, style::plain};
    }
    result.lines.push_back(std::move(cells));
  }
  return result;
}

table stuck_table(const sample &now) {
  table result;
  result.columns = {{"TABLE", 10, 0, false, true},
                    {"KEY", 12, 1, false, true},
                    {"STATE", 10, 3, false, true},
                    {"NO SIGN FOR", 12, 2, true, false}};
  result.if_empty = "Nothing is stuck.";
  for (const auto &one : now.stuck) {
    result.lines.push_back({text_cell(one.table), text_cell(one.key), text_cell(one.state),
                            one.age_s ? cell{short_age(*one.age_s), *one.age_s, style::warning}
                                      : cell{"never any", std::numeric_limits<double>::infinity(), style::warning}});
  }
  return result;
}

table stale_table(const sample &now, const rates &speed) {
  table result;
  result.columns = {{"APPLICATION", 18, 0, false, true}, {"TABLE", 12, 2, false, true},  {"COLUMN", 14, 1, false, true},
                    {"KEPT", 7, 3, true, false},         {"REJECT", 6, 5, true, false},  {"OBSERV", 6, 6, true, false},
                    {"PER S", 6, detail, true, false},   {"LAST AGO", 9, 4, true, false}};
  result.if_empty = "No stale save was kept, rejected or observed.";
  for (const auto &one : now.columns) {
    const auto per_s = speed.of(one);
    result.lines.push_back({text_cell(!one.application           ? "(hidden)"
                                      : one.application->empty() ? "(no name)"
                                                                 : *one.application),
                            text_cell(one.table),
                            text_cell(one.column),
                            number_cell(static_cast<double>(one.kept), style::warning),
                            number_cell(static_cast<double>(one.rejected), style::warning),
                            number_cell(static_cast<double>(one.observed), style::warning),
                            per_s ? number_cell(*per_s) : missing(),
                            // The latest comes first.
                            {one.last_at.empty() ? "-" : short_age(one.age_s), -one.age_s, style::plain}});
  }
  return result;
}

}  // namespace

table table_of(view which, const sample &now, const rates &speed, bool totals) {
  switch (which) {
    case view::contracts:
      return contracts_table(now, speed, totals);
    case view::runs:
      return runs_table(now);
    case view::stuck:
      return stuck_table(now);
    case view::stale:
      return stale_table(now, speed);
  }
  return {};
}

std::size_t first_sorted(view which) {
  switch (which) {
    case view::contracts:
      return 2;
    case view::runs:
      return 5;
    case view::stuck:
      return 3;
    case view::stale:
      return 7;
  }
  return 0;
}

std::string short_number(double value) {
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size < 1e6 && value == std::floor(value)) return fmt::format("{:.0f}", value);
  if (size < 0.995) return fmt::format("{:.2f}", value);
  if (size < 99.95) return fmt::format("{:.1f}", value);
  if (size < 99999.5) return fmt::format("{:.0f}", value);
  constexpr std::array<const char *, 5> units{"k", "M", "G", "T", "P"};
  std::size_t unit = 0;
  double scaled = value / 1000;
  for (; std::abs(scaled) >= 999.95 && unit + 1 < units.size(); ++unit) scaled /= 1000;
  return std::abs(scaled) < 9999.95 ? fmt::format("{:.1f}{}", scaled, units[unit]) : fmt::format("{:.0e}", value);
}

std::string short_duration(double ms) {
  if (std::isinf(ms)) return "longer";
  if (ms < 0.995) return fmt::format("{:.2f}ms", ms);
  if (ms < 9.95) return fmt::format("{:.1f}ms", ms);
  if (ms < 999.5) return fmt::format("{:.0f}ms", ms);
  if (ms < 99950) return fmt::format("{:.1f}s", ms / 1000);
  return short_age(ms / 1000);
}

std::string short_age(double seconds) {
  constexpr double longest = 1e11;
  const auto s = static_cast<long long>(std::clamp(seconds, 0.0, longest));
  if (s < 86400) return duration_text(std::chrono::seconds{s});
  return fmt::format("{}d {}h", s / 86400, s % 86400 / 3600);
}

}  // namespace ratchet::cli::top
