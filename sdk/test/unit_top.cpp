// What `pg_ratchet top` makes of two samples, and how it draws that: no server, no terminal.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <ratchet/error.hpp>

#include "terminal/cell_text.hpp"
#include "top/json.hpp"
#include "top/pace.hpp"
#include "top/reader.hpp"
#include "top/screen.hpp"

namespace ratchet::cli::top {
namespace {

using namespace std::chrono_literals;

contract named(const std::string &table, std::int64_t submitted, std::int64_t kept = 0) {
  contract one;
  one.id = "guard " + table;
  one.kind = "guard";
  one.table = table;
  one.seen = figures{};
  (*one.seen)[figure::submitted] = submitted;
  (*one.seen)[figure::kept] = kept;
  return one;
}

sample at(double seconds, std::vector<contract> contracts) {
  sample result;
  result.database = "app";
  result.server = "PostgreSQL 15.1 at db:5432";
  result.time = "12:00:00";
  result.at_s = seconds;
  result.statistics = true;
  result.reset_at = "2026-01-01 00:00:00.123+00";
  result.bounds_ms = {1, 10, 100, std::numeric_limits<double>::infinity()};
  result.contracts = std::move(contracts);
  return result;
}

std::vector<std::string> texts_of(const std::vector<styled_line> &lines) {
  std::vector<std::string> result;
  for (const auto &line : lines) result.push_back(line.text());
  return result;
}

std::vector<std::string> screen(const sample &seen, choices now = {}, std::size_t width = 80, std::size_t rows = 24,
                                const std::optional<sample> &before = std::nullopt, const std::string &message = {}) {
  return texts_of(draw(before, seen, now, message, width, rows).lines);
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

bool any_contains(const std::vector<std::string> &lines, const std::string &part) {
  return std::any_of(lines.begin(), lines.end(), [&](const auto &line) { return contains(line, part); });
}

// -- rates --

TEST(top_rates, are_the_difference_per_second) {
  const auto before = at(100, {named("a", 10, 4)});
  const auto now = at(104, {named("a", 30, 4)});
  const auto flow = rates{before, now}.of(now.contracts[0]);
  ASSERT_TRUE(flow);
  EXPECT_DOUBLE_EQ((*flow)[figure::submitted], 5);
  EXPECT_DOUBLE_EQ((*flow)[figure::kept], 0);
  EXPECT_DOUBLE_EQ(flow->writes(), 5);
}

TEST(top_rates, count_from_zero_after_a_reset) {
  const auto before = at(100, {named("a", 1000)});
  const auto now = at(102, {named("a", 6)});
  EXPECT_DOUBLE_EQ((*rates(before, now).of(now.contracts[0]))[figure::submitted], 3);
}

TEST(top_rates, are_none_without_a_sample_before) {
  const auto now = at(102, {named("a", 6)});
  EXPECT_FALSE(rates(std::nullopt, now).of(now.contracts[0]));
  EXPECT_FALSE(rates(at(102, {named("a", 5)}), now).of(now.contracts[0])) << "no time has passed";
  EXPECT_FALSE(rates(at(103, {named("a", 5)}), now).of(now.contracts[0])) << "the clock went back";
  EXPECT_FALSE(rates(at(100, {}), now).of(now.contracts[0])) << "a new contract";
  auto off = at(100, {named("a", 5)});
  off.statistics = false;
  EXPECT_FALSE(rates(off, now).of(now.contracts[0])) << "they were not kept before";
}

TEST(top_rates, what_had_counted_nothing_counts_from_zero) {
  auto before = at(100, {named("a", 0)});
  before.contracts[0].seen.reset();
  const auto now = at(102, {named("a", 6)});
  EXPECT_DOUBLE_EQ((*rates(before, now).of(now.contracts[0]))[figure::submitted], 3);
}

TEST(top_rates, of_a_column_that_is_new_count_from_zero) {
  auto now = at(102, {});
  now.columns = {{"1 a", "t", "a", 4, 2, 0, "app", "", 0}};
  EXPECT_DOUBLE_EQ(*rates(at(100, {}), now).of(now.columns[0]), 3);
  auto before = at(100, {});
  before.columns = {{"1 a", "t", "a", 4, 0, 0, "app", "", 0}};
  EXPECT_DOUBLE_EQ(*rates(before, now).of(now.columns[0]), 1);
}

TEST(top_rates, wait_is_told_of_one) {
  flow waited;
  EXPECT_FALSE(waited.wait_each_ms());
  waited.wait_ms = 30;
  waited.counts[static_cast<std::size_t>(figure::waits)] = 4;
  EXPECT_DOUBLE_EQ(*waited.wait_each_ms(), 7.5);
}

TEST(top_rates, quantiles_are_bounds_of_buckets) {
  const std::vector<double> bounds{1, 10, 100, std::numeric_limits<double>::infinity()};
  EXPECT_FALSE(quantile({0, 0, 0, 0}, bounds, 0.5));
  EXPECT_FALSE(quantile({}, bounds, 0.5));
  EXPECT_DOUBLE_EQ(*quantile({5, 4, 1, 0}, bounds, 0.5), 1);
  EXPECT_DOUBLE_EQ(*quantile({5, 4, 1, 0}, bounds, 0.51), 10);
  EXPECT_DOUBLE_EQ(*quantile({5, 4, 1, 0}, bounds, 0.99), 100);
  EXPECT_TRUE(std::isinf(*quantile({0, 0, 0, 1}, bounds, 0.5)));
}

// -- numbers --

TEST(top_numbers, fit_their_columns) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.25), "0.25");
  EXPECT_EQ(short_number(12.34), "12.3");
  EXPECT_EQ(short_number(1204.6), "1205");
  EXPECT_EQ(short_number(999999), "999999");
  EXPECT_EQ(short_number(1000000), "1.0M");
  EXPECT_EQ(short_number(4.5e6), "4.5M");
  EXPECT_EQ(short_number(-3), "-3");
  for (double value = 1e-9; value < 1e30; value *= 1.37) EXPECT_LE(short_number(value).size(), 7U) << value;
  EXPECT_EQ(short_duration(0.3), "0.30ms");
  EXPECT_EQ(short_duration(12), "12ms");
  EXPECT_EQ(short_duration(2500), "2.5s");
  EXPECT_EQ(short_duration(std::numeric_limits<double>::infinity()), "longer");
  EXPECT_EQ(short_age(59.9), "59s");
  EXPECT_EQ(short_age(3 * 86400 + 7200), "3d 2h");
  EXPECT_EQ(short_age(-5), "0s");
}

// -- texts --

TEST(top_text, whatever_a_terminal_obeys_is_written_out) {
  EXPECT_EQ(printable("plain name"), "plain name");
  EXPECT_EQ(printable("a\033[2Jb\n\t\x7f"), "a\\x1b[2Jb\\x0a\\x09\\x7f");
  EXPECT_EQ(printable("a\xc2\x9b"
                      "2J"),
            "a\\u009b2J")
      << "the same as one character";
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "abc"),
            "\\u202eabc")
      << "writing from the right";
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3") << "no UTF-8";
  EXPECT_EQ(printable("\xc0\x80\xed\xa0\x80"), "\\xc0\\x80\\xed\\xa0\\x80") << "nor this";
  EXPECT_EQ(printable("日本"), "日本");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(top_text, is_measured_in_columns) {
  EXPECT_EQ(columns_of("abc"), 3U);
  EXPECT_EQ(columns_of("日本"), 4U);
  EXPECT_EQ(columns_of("e\xcc\x81"), 1U) << "a letter with an accent of its own";
  EXPECT_EQ(columns_of("🚀"), 2U);
}

TEST(top_text, is_cut_and_filled) {
  EXPECT_EQ(at_left("abc", 5), "abc  ");
  EXPECT_EQ(at_right("abc", 5), "  abc");
  EXPECT_EQ(at_left("abcdef", 4), "abc~");
  EXPECT_EQ(at_left("日本語", 6), "日本語");
  EXPECT_EQ(at_left("日本語", 5), "日本~");
  EXPECT_EQ(at_left("日本語", 4), "日~ ") << "half of a character is not shown";
  EXPECT_EQ(at_left("ab", 0), "");
  EXPECT_EQ(at_left("", 2), "  ");
}

// -- tables --

table letters() {
  table result;
  result.columns = {{"NAME", 4, 0, false, true}, {"N", 3, 1, true, false}, {"MORE", 6, 2, true, false}};
  result.lines = {{{"b"}, {"2", 2}, {"x"}}, {{"a"}, {"10", 10}, {"y"}}, {{"c"}, {"2", 2}, {"z"}}};
  return result;
}

std::string names_of(const table &what) {
  std::string names;
  for (const auto &line : what.lines) names += line[0].text;
  return names;
}

TEST(top_table, sorts_numbers_down_and_texts_up) {
  auto what = letters();
  sort_by(what, 1, false);
  EXPECT_EQ(names_of(what), "abc") << "equal ones keep their order";
  sort_by(what, 1, true);
  EXPECT_EQ(names_of(what), "bca");
  sort_by(what, 0, false);
  EXPECT_EQ(names_of(what), "abc");
  sort_by(what, 0, true);
  EXPECT_EQ(names_of(what), "cba");
}

TEST(top_table, keeps_lines_with_a_text) {
  auto what = letters();
  keep_matching(what, "Z");
  EXPECT_EQ(names_of(what), "c");
}

TEST(top_table, leaves_out_columns_that_do_not_fit) {
  const auto widths = [](std::size_t width) {
    std::string text;
    for (const auto &one : fit(letters(), width))
      text += std::to_string(one.index) + ":" + std::to_string(one.width) + " ";
    return text;
  };
  EXPECT_EQ(widths(80), "0:5 1:3 2:6 ");
  EXPECT_EQ(widths(15), "0:4 1:3 2:6 ");
  EXPECT_EQ(widths(14), "0:5 1:3 ");
  EXPECT_EQ(widths(3), "0:3 ");
}

TEST(top_table, gives_names_the_room_that_is_left) {
  auto what = letters();
  what.lines[0][0].text = "a longer name";
  EXPECT_EQ(fit(what, 20)[0].width, 9U);
  EXPECT_EQ(fit(what, 80)[0].width, 13U);
  what.columns[2].rank = detail;
  EXPECT_EQ(fit(what, 20).size(), 2U) << "a detail has to wait";
  EXPECT_EQ(fit(what, 20)[0].width, 13U);
}

// -- the screen --

TEST(top_screen, is_of_the_size_of_the_terminal) {
  auto seen = at(100, {});
  for (int i = 0; i < 50; ++i)
    seen.contracts.push_back(named("table " + std::to_string(i) + " 日本語 e\xcc\x81\033[2J", i));
  seen.notes = {
      "a note of \033]0;title\a some length, which is longer than the screen in any case, or so one would think"};
  seen.runs = {{"r\n", "\033[31m", 1, 2, {}}};
  seen.stuck = {{"\r", "k", "s\b", {}}};
  seen.columns = {{"1", "日本語日本語日本語", "\xff", 1, 2, 3, std::string(500, 'x') + "\n", "now", 1}};
  for (const std::size_t width : {1, 2, 20, 79, 80, 81, 132, 200, 500}) {
    for (const std::size_t rows : {1, 2, 5, 6, 7, 24, 60}) {
      for (std::size_t which = 0; which < view_count; ++which) {
        for (const bool help : {false, true}) {
          choices now;
          now.shown = static_cast<view>(which);
          now.help = help;
          const auto lines = screen(seen, now, width, rows);
          ASSERT_EQ(lines.size(), rows);
          for (const auto &line : lines) {
            ASSERT_EQ(columns_of(line), width) << line;
            ASSERT_EQ(printable(line), line) << "nothing that a terminal obeys";
          }
        }
      }
    }
  }
}

TEST(top_screen, sorts_contracts_by_what_was_written) {
  const auto before = at(100, {named("calm", 10), named("busy", 10), named("old", 5)});
  const auto now = at(102, {named("calm", 12), named("busy", 90, 7), named("old", 5)});
  const auto lines = screen(now, {}, 80, 24, before);
  EXPECT_EQ(lines[0].substr(0, 48), "pg_ratchet top  app, PostgreSQL 15.1 at db:5432 ");
  EXPECT_EQ(lines[1].substr(0, 35), "3 contracts   health: no findings  ");
  EXPECT_EQ(lines[2].substr(0, 56), "writes 41  denied 0  kept 3.5  rejected 0  observed 0  w");
  EXPECT_EQ(lines[4], "CONTRACT  MODE    WRITESv  DENIED    KEPT  REJECT  OBSERV   WAITS AVG WAIT      ");
  EXPECT_EQ(lines[5].substr(0, 41), "busy      on           40       0     3.5");
  EXPECT_EQ(lines[6].substr(0, 41), "calm      on            1       0       0");
  EXPECT_EQ(lines[7].substr(0, 41), "old       on            0       0       0");
}

TEST(top_screen, shows_totals_on_request) {
  choices now;
  now.totals = true;
  const auto lines = screen(at(100, {named("a", 1000)}), now);
  EXPECT_TRUE(contains(lines[3], "since 2026-01-01 00:00:00")) << lines[3];
  EXPECT_TRUE(contains(lines[5], " 1000 ")) << lines[5];
}

TEST(top_screen, says_what_is_wrong_with_contracts) {
  auto seen = at(100, {named("a", 1), named("b", 1), named("c", 1)});
  seen.contracts[0].enabled = false;
  seen.contracts[1].mode = "observe";
  seen.contracts[2].mode = "states=observe";
  seen.errors = 1;
  seen.warnings = 2;
  const auto lines = screen(seen);
  EXPECT_TRUE(contains(lines[1], "3 contracts, 2 observing, 1 OFF   health: 1 error, 2 warnings")) << lines[1];
  EXPECT_TRUE(any_contains(lines, "a         OFF "));
  EXPECT_TRUE(any_contains(lines, "b         observe"));
  EXPECT_TRUE(any_contains(lines, "c         part"));
}

TEST(top_screen, works_without_statistics) {
  auto seen = at(100, {named("a", 1)});
  seen.statistics = false;
  seen.contracts[0].seen.reset();
  seen.runs = {{"runs", "7", 3, 4, 0.5}};
  choices now;
  auto lines = screen(seen, now);
  EXPECT_TRUE(contains(lines[2], "add ratchet to shared_preload_libraries")) << lines[2];
  EXPECT_TRUE(any_contains(lines, "a         on            -"));
  now.shown = view::runs;
  lines = screen(seen, now);
  EXPECT_TRUE(any_contains(lines, "75.0%"));
  now.shown = view::stale;
  lines = screen(seen, now);
  EXPECT_TRUE(contains(lines[5], "add ratchet to shared_preload_libraries")) << lines[5];
}

TEST(top_screen, shows_runs_that_are_nearest_to_their_total_first) {
  auto seen = at(100, {});
  seen.runs = {{"runs", "1", 1, 4, 0.5}, {"runs", "2", 999, 1000, {}}, {"runs", "3", 2, 4, -1}};
  choices now;
  now.shown = view::runs;
  const auto lines = screen(seen, now);
  EXPECT_EQ(lines[5].substr(0, 80), "runs   2          999      1000         1  99.9%       -        -               ");
  EXPECT_EQ(lines[7].substr(0, 80), "runs   1            1         4         3  25.0%    0.50       6s               ");
}

TEST(top_screen, answers_who_still_sends_stale_saves_in_one_screen) {
  auto seen = at(100, {});
  seen.columns = {{"1 a", "scorecards", "submitted_at", 40, 0, 0, "old worker", "2026", 7200},
                  {"1 b", "scorecards", "submitter_user_id", 3, 2, 1, "rails: puma 3", "2026", 5},
                  {"1 c", "scorecards", "source", 3, 0, 0, "", "2026", 600}};
  choices now;
  now.shown = view::stale;
  const auto lines = screen(seen, now);
  EXPECT_EQ(lines[4], "APPLICATION   TABLE      COLUMN               KEPT REJECT OBSERV LAST AGOv      ");
  EXPECT_EQ(lines[5], "rails: puma 3 scorecards submitter_user_id       3      2      1        5s      ");
  EXPECT_EQ(lines[6], "(no name)     scorecards source                  3      0      0    10m 0s      ");
  EXPECT_EQ(lines[7], "old worker    scorecards submitted_at           40      0      0     2h 0m      ");
}

TEST(top_screen, scrolls_no_further_than_to_the_end) {
  auto seen = at(100, {});
  for (int i = 0; i < 50; ++i) seen.contracts.push_back(named("t" + std::to_string(100 + i), 0));
  choices now;
  now.first = 1000;
  const auto picture = draw(std::nullopt, seen, now, "", 80, 24);
  EXPECT_EQ(picture.page, 18U);
  EXPECT_EQ(now.first, 32U);
  EXPECT_TRUE(contains(picture.lines[22].text(), "t149"));
  EXPECT_TRUE(contains(picture.lines[23].text(), "33-50 of 50"));
}

TEST(top_screen, says_that_the_connection_is_lost) {
  const auto lines = screen(at(100, {}), {}, 80, 24, std::nullopt, "No answer, trying again: gone");
  EXPECT_EQ(lines.back().substr(0, 30), "No answer, trying again: gone ");
}

TEST(top_screen, has_colors_only_where_they_are_wanted) {
  const styled_line line{"text", style::alarm};
  EXPECT_EQ(line.written(false), "text");
  EXPECT_EQ(line.written(true), "\033[1;31mtext\033[0m");
}

// -- keys --

key letter(const std::string &text) { return {key::kind::text, text}; }

request press_all(choices &now, const std::string &letters) {
  auto last = request::nothing;
  for (const char c : letters) last = press(now, letter(std::string(1, c)), 10, 18);
  return last;
}

TEST(top_keys, choose_view_and_order) {
  choices now;
  EXPECT_EQ(press_all(now, "4"), request::draw);
  EXPECT_EQ(now.shown, view::stale);
  press(now, {key::kind::control, "i"}, 10, 18);
  EXPECT_EQ(now.shown, view::contracts);
  const auto column = now.order_of_shown().column;
  press_all(now, "sr");
  EXPECT_EQ(now.order_of_shown().column, column + 1);
  EXPECT_TRUE(now.order_of_shown().reversed);
  press_all(now, "<<<<");
  EXPECT_EQ(now.order_of_shown().column, (column + 1 + 10 - 4) % 10);
  EXPECT_FALSE(now.order_of_shown().reversed);
}

TEST(top_keys, write_a_filter) {
  choices now;
  press_all(now, "/qé");
  press(now, letter("é"), 10, 18);
  press(now, {key::kind::backspace, {}}, 10, 18);
  press(now, {key::kind::enter, {}}, 10, 18);
  EXPECT_EQ(now.filter.substr(0, 1), "q") << "no key means anything else meanwhile";
  EXPECT_FALSE(now.typed);
  press_all(now, "/x");
  press(now, {key::kind::escape, {}}, 10, 18);
  EXPECT_EQ(now.filter.substr(0, 1), "q") << "escape leaves it as it was";
  press(now, {key::kind::escape, {}}, 10, 18);
  EXPECT_EQ(now.filter, "");
}

TEST(top_keys, pause_read_and_quit) {
  choices now;
  EXPECT_EQ(press_all(now, "p"), request::draw);
  EXPECT_TRUE(now.paused);
  EXPECT_EQ(press_all(now, " "), request::read);
  EXPECT_FALSE(now.paused);
  press_all(now, "h");
  EXPECT_TRUE(now.help);
  EXPECT_EQ(press_all(now, "4"), request::draw);
  EXPECT_FALSE(now.help);
  EXPECT_EQ(now.shown, view::contracts) << "the key that ends the help does nothing else";
  EXPECT_EQ(press_all(now, "q"), request::quit);
  EXPECT_EQ(press(now, {key::kind::control, "z"}, 10, 18), request::suspend);
  EXPECT_EQ(press_all(now, "++"), request::draw);
  EXPECT_EQ(now.interval, 8s);
  press_all(now, "----------");
  EXPECT_EQ(now.interval, 250ms);
}

TEST(top_keys, are_decoded_also_in_parts) {
  key_decoder decoder;
  const auto kinds = [](const std::vector<key> &keys) {
    std::vector<key::kind> result;
    for (const auto &one : keys) result.push_back(one.what);
    return result;
  };
  using kind = key::kind;
  EXPECT_EQ(
      kinds(decoder.feed("a\033[A\033OB\033[5~\r\x7f\x03")),
      (std::vector{kind::text, kind::up, kind::down, kind::page_up, kind::enter, kind::backspace, kind::control}));
  EXPECT_EQ(kinds(decoder.feed("\033")), std::vector<kind>{});
  EXPECT_TRUE(decoder.is_waiting());
  EXPECT_EQ(kinds(decoder.feed("[")), std::vector<kind>{});
  EXPECT_EQ(kinds(decoder.feed("6~")), std::vector{kind::page_down});
  decoder.feed("\033");
  EXPECT_EQ(kinds(decoder.finish()), std::vector{kind::escape});
  EXPECT_FALSE(decoder.is_waiting());
  decoder.feed("\033[1;5");
  EXPECT_EQ(kinds(decoder.finish()), std::vector{kind::other});
  EXPECT_EQ(kinds(decoder.feed("\xc3")), std::vector<kind>{});
  EXPECT_EQ(decoder.feed("\xa9").at(0).text, "é");
  EXPECT_EQ(kinds(decoder.feed("\033[200;300H")), std::vector{kind::other});
  EXPECT_EQ(kinds(decoder.feed("\033x")), (std::vector{kind::escape, kind::text}));
}

// -- reading --

TEST(top_pace, what_took_long_rests_twenty_times_as_long) {
  pace pace;
  const pace::time start{};
  EXPECT_TRUE(pace.is_due("a", start));
  pace.took("a", start, start + 1s);
  EXPECT_FALSE(pace.is_due("a", start + 20s));
  EXPECT_TRUE(pace.is_due("a", start + 21s));
  EXPECT_TRUE(pace.is_due("b", start));
}

// A database with one tally, that answers as it is told.
class told_database {
 public:
  pace::time now{};
  std::string cost = "12.5";
  bool timeout = false;
  bool lost = false;
  std::vector<std::string> asked;

  rows operator()(const std::string &sql) {
    asked.push_back(sql);
    if (lost) throw error(error_kind::connection, "gone");
    const auto has = [&](const char *part) { return contains(sql, part); };
    if (has("current_database")) return {{"app", "PostgreSQL 15.1 at socket:5432", "12:00:00", "100"}};
    if (has("FROM ratchet.contract")) {
      return {{"11",
               "results",
               "tally",
               "12",
               "runs",
               {},
               "true",
               "false",
               "true",
               "public.runs",
               "total",
               "\"N\"",
               "done",
               "t.id::pg_catalog.text",
               "t.id DESC",
               "id",
               "5000000"}};
    }
    if (has("stat_enabled")) return {{"false"}};
    if (has("ratchet.health")) return {{"error", "2"}, {"warning", "1"}};
    if (has("EXPLAIN")) return {{R"([{"Plan": {"Total Cost": )" + cost + "}}]"}};
    now += 100ms;
    if (timeout) throw error(error_kind::other, "canceling statement", "57014");
    return {{"7", "3", "4"}};
  }

  std::size_t count(const char *part) const {
    return static_cast<std::size_t>(
        std::count_if(asked.begin(), asked.end(), [&](const auto &sql) { return contains(sql, part); }));
  }
};

class top_reader_test : public ::testing::Test {
 protected:
  told_database database_;
  reader reader_{[this](const std::string &sql) { return database_(sql); }, 600s, [this] { return database_.now; }};
};

TEST_F(top_reader_test, every_statement_is_bounded) {
  const auto seen = reader_.read();
  for (const auto &sql : database_.asked) {
    EXPECT_EQ(sql.rfind("SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = '2s'; "
                        "SET LOCAL lock_timeout = '1ms'; SET LOCAL jit = off; ",
                        0),
              0U)
        << sql;
  }
  EXPECT_EQ(seen.errors, 2);
  EXPECT_EQ(seen.warnings, 1);
  ASSERT_EQ(seen.runs.size(), 1U);
  EXPECT_EQ(seen.runs[0].key, "7");
  EXPECT_TRUE(seen.notes.empty());
}

TEST_F(top_reader_test, of_a_large_table_the_newest_rows_are_read) {
  (void)reader_.read();
  EXPECT_EQ(database_.count("FROM public.runs t WHERE NOT t.done"), 2U) << "EXPLAIN, and the query";
  database_.now += 1h;
  database_.asked.clear();
  database_.cost = "10001";
  const auto seen = reader_.read();
  EXPECT_TRUE(contains(database_.asked.back(), "FROM (SELECT * FROM public.runs t ORDER BY t.id DESC LIMIT 10000) t"));
  ASSERT_EQ(seen.notes.size(), 1U);
  EXPECT_EQ(seen.notes[0],
            "runs: of about 5000000 rows the 10000 with the largest keys were read; where few are open, an "
            "index on (id) WHERE NOT done finds them");
}

TEST_F(top_reader_test, what_takes_long_is_asked_seldom) {
  (void)reader_.read();
  const auto queries = [&] { return database_.count("EXPLAIN"); };
  EXPECT_EQ(queries(), 1U);
  database_.now += 1s;
  EXPECT_EQ(reader_.read().runs.size(), 1U) << "what was found before is shown meanwhile";
  EXPECT_EQ(queries(), 1U);
  database_.now += 1s;
  (void)reader_.read();
  EXPECT_EQ(queries(), 2U);
}

TEST_F(top_reader_test, one_table_that_cannot_be_read_is_a_note) {
  database_.timeout = true;
  const auto seen = reader_.read();
  EXPECT_EQ(seen.contracts.size(), 1U);
  ASSERT_EQ(seen.notes.size(), 1U);
  EXPECT_EQ(seen.notes[0], "runs: took longer than 2 s and was given up");
}

TEST_F(top_reader_test, a_lost_connection_is_an_error) {
  database_.lost = true;
  EXPECT_THROW((void)reader_.read(), error);
}

TEST(top_json, has_everything_and_takes_any_bytes) {
  auto seen = at(100, {named("a\xff", 3)});
  seen.runs = {{"runs", "7", 3, 4, {}}};
  seen.columns = {{"1 a", "t", "c", 4, 2, 0, std::nullopt, "", 0}};
  const auto read = nlohmann::json::parse(json_text(seen));
  EXPECT_EQ(read.at("contracts").at(0).at("statistics").at("submitted"), 3);
  EXPECT_EQ(read.at("runs").at(0).at("total"), 4);
  EXPECT_EQ(read.at("stale_saves").at(0).at("application"), nullptr);
  EXPECT_EQ(read.at("stale_saves").at(0).at("kept"), 4);
}

}  // namespace
}  // namespace ratchet::cli::top
