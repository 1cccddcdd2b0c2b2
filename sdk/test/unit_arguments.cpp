// What the command makes of its arguments: times, connections, words that it does not know; and what it says of itself.
#include <gtest/gtest.h>

#include <stdexcept>

#include "command/connection.hpp"
#include "command/doctor.hpp"
#include "command/duration.hpp"
#include "command/help.hpp"
#include "command/session.hpp"
#include "command/suggestion.hpp"

namespace ratchet::cli {
namespace {

using namespace std::chrono_literals;

TEST(duration, is_a_number_with_its_unit) {
  EXPECT_EQ(duration_of("20ms"), 20ms);
  EXPECT_EQ(duration_of("30s"), 30s);
  EXPECT_EQ(duration_of("1.5h"), 90min);
  EXPECT_EQ(duration_of(" 10 min "), 10min);
  EXPECT_EQ(duration_of("1h 30min"), 90min);
  EXPECT_EQ(duration_of("2 days"), 48h);
  EXPECT_EQ(duration_of("1 hour"), 1h);
  EXPECT_EQ(duration_of("0s"), 0s);
  for (const char *bad : {"", " ", "10", "s", "-1s", "1e3s", "1.2.3s", "ten min", "1fortnight", "1s 2", "1mins3", ".s",
                          "99999999999999999d"})
    EXPECT_EQ(duration_of(bad), std::nullopt) << bad;
}

TEST(duration, is_told_in_its_largest_whole_unit) {
  EXPECT_EQ(text_of(20ms), "20ms");
  EXPECT_EQ(text_of(90s), "90s");
  EXPECT_EQ(text_of(2min), "2min");
  EXPECT_EQ(text_of(48h), "2d");
  EXPECT_EQ(text_of(1500us), "1.5ms");
}

TEST(connection, pieces_are_joined_and_quoted) {
  EXPECT_EQ(conninfo_of({}), "");
  EXPECT_EQ(conninfo_of({"", "db", "5433", "o'brien", "a\\b"}),
            R"(host='db' port='5433' user='o\'brien' dbname='a\\b')");
  EXPECT_EQ(conninfo_of({"host=a dbname=x", "b", "", "", ""}), "host=a dbname=x host='b'");
  EXPECT_EQ(conninfo_of({"", "", "", "", "service=app"}), "service=app");
  EXPECT_EQ(conninfo_of({"", "", "", "", "postgresql://x/y"}), "postgresql://x/y");
  EXPECT_THROW(conninfo_of({"host=a", "", "", "", "dbname=x"}), std::invalid_argument);
  EXPECT_THROW(conninfo_of({"postgres://x/y", "b", "", "", ""}), std::invalid_argument);
}

TEST(help, nearest_word_is_one_that_a_slip_makes) {
  const std::vector<std::string> words{"race", "list", "health"};
  EXPECT_EQ(nearest("raec", words), "race");
  EXPECT_EQ(nearest("heath", words), "health");
  EXPECT_EQ(nearest("ls", words), "");
  EXPECT_EQ(nearest("frobnicate", words), "");
}

TEST(session, parameters_of_ours_are_not_told) {
  EXPECT_EQ(without_parameters("ERROR:  no\nCONTEXT:  unnamed portal parameter $1 = 'x'\n"), "ERROR:  no");
  EXPECT_EQ(without_parameters("ERROR:  $1 = 2\nHINT:  do"), "ERROR:  $1 = 2\nHINT:  do");
  EXPECT_EQ(without_parameters("ERROR:  no\nDETAIL:  it costs $5 = much"), "ERROR:  no");
  EXPECT_EQ(without_parameters("ERROR:  no\nDETAIL:  it costs $5"), "ERROR:  no\nDETAIL:  it costs $5");
}

TEST(doctor, grade_is_that_of_the_worst) {
  EXPECT_EQ(grade_of({}), 'A');
  EXPECT_EQ(grade_of({{weight::note, "", ""}}), 'B');
  EXPECT_EQ(grade_of({{weight::note, "", ""}, {weight::warning, "", ""}}), 'C');
  EXPECT_EQ(grade_of({{weight::error, "", ""}, {weight::note, "", ""}}), 'F');
}

TEST(suggestion, quotes_what_others_have_named) {
  seen_column gate;
  gate.name = gate.quoted = "submitted_at";
  gate.type = "timestamp with time zone";
  seen_table table{"\"it's\"", "it's", false, {gate}, {}};
  const auto text = suggestions_for({table});
  EXPECT_NE(text.find("'\"it''s\"',\n    gate => 'submitted_at',\n    mode => 'observe'"), std::string::npos) << text;
  table.columns[0].has_default = true;
  EXPECT_EQ(suggestions_for({table}).rfind("-- Nothing here", 0), 0U);
  table.columns[0] = gate;
  table.columns[0].not_null = true;
  EXPECT_EQ(suggestions_for({table}).rfind("-- Nothing here", 0), 0U);
}

}  // namespace
}  // namespace ratchet::cli
