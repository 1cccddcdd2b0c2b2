#include "top/screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "terminal/cell_text.hpp"
#include "top/table.hpp"

namespace ratchet::cli::top {

namespace {

const char *const no_statistics =
    "No statistics: add ratchet to shared_preload_libraries and restart the server. The rest works without.";

constexpr std::array<const char *, view_count> tabs{"1 Contracts", "2 Runs", "3 Stuck", "4 Stale saves"};

const std::vector<std::string> &help_text() {
  static const std::vector<std::string> text{
      "1 2 3 4, Tab  view                       s S or > <  sort by the next, last column",
      "arrows, j k   scroll, also Page keys     r           reverse the order",
      "/ text Enter  only lines with that       t           per second, or totals",
      "Esc           all lines again            p or space  pause",
      "+ -           longer, shorter interval   Enter       read again now",
      "h ?           this help                  q           quit",
      "",
      "WRITES  submitted, advanced, updated, amended, swept, alive; counted rows",
      "DENIED  already_submitted, conflict, stale, limited, full, refused and so on",
      "KEPT REJECT OBSERV  stale saves: column kept, write refused, only seen",
      "WAITS   for a row of another transaction; MAX WAIT is since the reset",
      "MEDIAN 99%  of the durations of submit(): at most so long",
      "MODE    on, observe (part: only some policies), OFF: trigger disabled",
      "Runs    nearest to their total first, at most 100 of a table",
      "Stuck   without a sign of life, where a guard has a heartbeat",
      "A table that takes long to read is read seldom.",
  };
  return text;
}

styled_line head_of(const sample &seen, const choices &now, bool live) {
  styled_line line{"pg_ratchet top ", style::bold};
  line.add(fmt::format(" {}, {}  {}  ", printable(seen.database), printable(seen.server), printable(seen.time)));
  if (!live) return line;
  if (now.paused) {
    line.add("paused", style::warning);
  } else {
    line.add(fmt::format("every {:g} s", static_cast<double>(now.interval.count()) / 1000));
  }
  return line;
}

styled_line contracts_of(const sample &seen) {
  const auto count = [&](auto is) { return std::count_if(seen.contracts.begin(), seen.contracts.end(), is); };
  const auto all = count([](const contract &one) { return one.kind != "parent"; });
  const auto off = count([](const contract &one) { return !one.enabled; });
  const auto observing =
      count([](const contract &one) { return one.enabled && one.mode.find("observe") != std::string::npos; });
  styled_line line{fmt::format("{} contract{}", all, all == 1 ? "" : "s")};
  if (observing > 0) line.add(", ").add(fmt::format("{} observing", observing), style::warning);
  if (off > 0) line.add(", ").add(fmt::format("{} OFF", off), style::alarm);
  line.add("   health: ");
  if (seen.errors == 0 && seen.warnings == 0) line.add("no findings");
  if (seen.errors > 0) line.add(fmt::format("{} error{}", seen.errors, seen.errors == 1 ? "" : "s"), style::alarm);
  if (seen.errors > 0 && seen.warnings > 0) line.add(", ");
  if (seen.warnings > 0) {
    line.add(fmt::format("{} warning{}", seen.warnings, seen.warnings == 1 ? "" : "s"), style::warning);
  }
  if (!seen.stuck.empty()) line.add("   ").add(fmt::format("{} stuck", seen.stuck.size()), style::warning);
  return line;
}

styled_line figures_of(const sample &seen, const rates &speed, bool totals) {
  if (!seen.statistics) return styled_line{no_statistics, style::warning};
  std::optional<flow> all;
  for (const auto &one : seen.contracts) {
    const auto more = !one.seen ? std::nullopt : totals ? std::optional{total_of(*one.seen)} : speed.of(one);
    if (more) all = all ? sum_of(*all, *more) : more;
  }
  if (!all) return styled_line{totals || seen.reset_at.empty() ? "nothing counted yet" : "..."};
  const auto &f = *all;
  styled_line line{fmt::format("writes {}  denied {}  ", short_number(f.writes()), short_number(f.denied()))};
  line.add(fmt::format("kept {}", short_number(f[figure::kept])), f[figure::kept] > 0 ? style::warning : style::plain);
  line.add(
      fmt::format("  rejected {}  observed {}", short_number(f[figure::rejected]), short_number(f[figure::observed])));
  if (totals) {
    line.add(fmt::format("  waits {}", short_number(f[figure::waits])));
  } else {
    // Milliseconds of waiting in a second: who waits all the time is one.
    line.add(fmt::format("  waiting {}", short_number(std::round(f.wait_ms / 10) / 100)));
  }
  return line;
}

styled_line tabs_of(const sample &seen, const choices &now) {
  styled_line line;
  for (std::size_t i = 0; i < view_count; ++i) {
    if (i > 0) line.add("  ");
    const bool chosen = i == static_cast<std::size_t>(now.shown);
    line.add(chosen ? fmt::format("[{}]", tabs[i]) : tabs[i], chosen ? style::bold : style::plain);
  }
  if (now.shown == view::contracts && seen.statistics) {
    const auto since = seen.reset_at.substr(0, seen.reset_at.find('.'));
    line.add(now.totals ? "   since " + printable(since) : std::string{"   per second"});
  }
  if (!now.filter.empty()) line.add("   filter: ").add(printable(now.filter), style::warning);
  return line;
}

styled_line foot_of(const sample &seen, const choices &now, const std::string &message, const std::string &shown) {
  if (now.typed) return styled_line{"filter: " + printable(*now.typed) + "_", style::bold};
  if (!message.empty()) return styled_line{printable(message), style::alarm};
  styled_line line;
  if (!shown.empty()) line.add(shown + "   ");
  line.add("q quit  h help  s sort  / filter  t totals  p pause");
  if (!seen.notes.empty()) {
    line = styled_line{};
    if (!shown.empty()) line.add(shown + "   ");
    line.add(printable(seen.notes.front()), style::warning);
    if (seen.notes.size() > 1) line.add(fmt::format("  (and {} more)", seen.notes.size() - 1), style::warning);
  }
  return line;
}

table sorted_table(const sample &seen, const rates &speed, const choices &now) {
  auto shown = table_of(now.shown, seen, speed, now.totals);
  const auto &filter = now.typed ? *now.typed : now.filter;
  if (!filter.empty()) keep_matching(shown, printable(filter));
  if (shown.lines.empty() && !filter.empty()) shown.if_empty = "No line has that text.";
  if (now.shown == view::stale && !seen.statistics) shown.if_empty = no_statistics;
  const auto &order = now.order_of_shown();
  sort_by(shown, order.column, order.reversed);
  return shown;
}

std::vector<styled_line> head_lines(const sample &seen, const rates &speed, const choices &now, bool live) {
  return {head_of(seen, now, live), contracts_of(seen), figures_of(seen, speed, now.totals), tabs_of(seen, now)};
}

}  // namespace

picture draw(const std::optional<sample> &before, const sample &seen, choices &now, const std::string &message,
             std::size_t width, std::size_t rows) {
  const rates speed{before, seen};
  const auto shown = sorted_table(seen, speed, now);
  picture result{head_lines(seen, speed, now, true), shown.columns.size(), 0};
  auto &lines = result.lines;
  const auto fixed = lines.size() + 2;  // the titles, and the last line
  result.page = rows > fixed ? rows - fixed : 0;
  now.first = std::min(now.first, shown.lines.size() > result.page ? shown.lines.size() - result.page : 0);

  std::string part;
  if (shown.lines.size() > result.page) {
    part = fmt::format("{}-{} of {}", now.first + 1, std::min(now.first + result.page, shown.lines.size()),
                       shown.lines.size());
  }
  if (now.help) {
    for (const auto &one : help_text()) lines.emplace_back(one);
  } else {
    const auto columns = fit(shown, width);
    const auto &order = now.order_of_shown();
    lines.push_back(title_line(shown, columns, order.column, order.reversed).resize(width));
    for (std::size_t i = now.first; i < shown.lines.size() && i < now.first + result.page; ++i) {
      lines.push_back(line_of(shown, shown.lines[i], columns));
    }
    if (shown.lines.empty()) lines.emplace_back(shown.if_empty, style::dim);
  }
  lines.resize(rows > 0 ? rows - 1 : 0);
  if (rows > 0) lines.push_back(foot_of(seen, now, message, part));
  for (auto &line : lines) line.resize(width);
  return result;
}

picture draw_waiting(const std::string &message, std::size_t width, std::size_t rows) {
  picture result{std::vector<styled_line>(rows), 1, 0};
  if (rows > 0) result.lines.back() = styled_line{printable(message)};
  for (auto &line : result.lines) line.resize(width);
  return result;
}

std::vector<styled_line> draw_once(const sample &seen, const choices &now, std::size_t width) {
  const rates speed{std::nullopt, seen};
  const auto shown = sorted_table(seen, speed, now);
  auto lines = head_lines(seen, speed, now, false);
  const auto columns = fit(shown, width);
  const auto &order = now.order_of_shown();
  lines.push_back(title_line(shown, columns, order.column, order.reversed));
  for (const auto &one : shown.lines) lines.push_back(line_of(shown, one, columns));
  if (shown.lines.empty()) lines.emplace_back(shown.if_empty);
  for (const auto &note : seen.notes) lines.emplace_back("note: " + printable(note));
  return lines;
}

}  // namespace ratchet::cli::top
