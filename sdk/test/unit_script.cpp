// Scripts for `pg_ratchet race`: how they are split, and what becomes of variables in them.
#include <gtest/gtest.h>

#include "race/own/script.hpp"
#include "race/own/variables.hpp"
#include "terminal/lines.hpp"

namespace ratchet::cli::own {
namespace {

// The statements, each with its line.
std::vector<std::string> split(const std::string &text) {
  std::vector<std::string> result;
  for (const auto &s : parse_script("x.sql", text).statements) {
    result.push_back(std::to_string(s.line) + (s.sleeps ? " sleep " : s.gset ? " gset " : " ") + s.text);
  }
  return result;
}

std::string failure_of(const std::string &text) {
  try {
    parse_script("x.sql", text);
  } catch (const std::runtime_error &e) {
    return e.what();
  }
  return "none";
}

using texts = std::vector<std::string>;

TEST(script, statements_end_with_semicolons_and_know_their_lines) {
  EXPECT_EQ(split("SELECT 1;\n\nSELECT\n 2;;\nSELECT 3"), (texts{"1 SELECT 1", "3 SELECT\n 2", "5 SELECT 3"}));
  EXPECT_EQ(split(" \n -- nothing\n/* at all */ "), texts{});
}

TEST(script, semicolons_inside_of_quotes_comments_and_brackets_end_nothing) {
  for (const char *one : {"SELECT ';'", "SELECT 'it''s;'", "SELECT E'\\';'", "SELECT \";\"", "SELECT $$;$$",
                          "SELECT $a$;$$;$a$", "SELECT 1 /* ; /* ; */ ; */", "SELECT 1 -- ;\n + 1",
                          "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", "SELECT a$1$ FROM t"}) {
    EXPECT_EQ(split(std::string{one} + ";\nSELECT 2;").size(), 2U) << one;
  }
}

TEST(script, comments_before_a_statement_do_not_belong_to_it) {
  EXPECT_EQ(split("-- what follows\n/* is\n one */ SELECT 1;"), (texts{"3 SELECT 1"}));
}

TEST(script, meta_commands_are_those_of_psql_and_pgbench) {
  EXPECT_EQ(split("SELECT a FROM t\n\\gset\n\\sleep 5 ms\nSELECT 1;"),
            (texts{"1 gset SELECT a FROM t", "3 sleep 5 ms", "4 SELECT 1"}));
  EXPECT_EQ(parse_script("x", "SELECT 1 AS a \\gset row_").statements.at(0).prefix, "row_");
}

TEST(script, faults_are_told_with_file_and_line) {
  EXPECT_EQ(failure_of("SELECT 1;\nSELECT 'x"), "x.sql:2: unterminated quoted string");
  EXPECT_EQ(failure_of("SELECT \"x"), "x.sql:1: unterminated quoted identifier");
  EXPECT_EQ(failure_of("\n\nSELECT $a$ x $$"), "x.sql:3: unterminated dollar-quoted string");
  EXPECT_EQ(failure_of("/* x"), "x.sql:1: unterminated comment");
  EXPECT_EQ(failure_of("\\set a 1"), "x.sql:1: unknown \\set; there are \\gset and \\sleep");
  EXPECT_EQ(failure_of("\\gset"), "x.sql:1: \\gset without a statement before it");
  EXPECT_EQ(failure_of("\\sleep"), "x.sql:1: \\sleep needs a time, such as '5 ms'");
  EXPECT_EQ(failure_of("SELECT 1\n\\sleep 1 s"),
            "x.sql:1: \\sleep inside a statement: is a semicolon missing before it?");
  EXPECT_THROW(read_script("/nowhere/x.sql"), std::runtime_error);
}

TEST(script, variables_become_literals) {
  const variables known{{"id", "7"}, {"name", "o'neil\\"}, {"gone", std::nullopt}};
  EXPECT_EQ(with_variables("WHERE id = :id AND x = :'id'", known), "WHERE id = '7' AND x = '7'");
  EXPECT_EQ(with_variables("SET n = :name, g = :gone", known), "SET n =  E'o''neil\\\\', g = NULL");
  EXPECT_EQ(with_variables("SELECT ':id', $$:id$$, \":id\" -- :id", known), "SELECT ':id', $$:id$$, \":id\" -- :id");
  EXPECT_EQ(with_variables("SELECT :id::int, f(a := :id), x[1 : 2]", known), "SELECT '7'::int, f(a := '7'), x[1 : 2]");
}

TEST(script, unknown_variable_is_told_with_those_that_there_are) {
  try {
    with_variables("SELECT :idd", {{"id", "7"}, {"round", "1"}});
    FAIL();
  } catch (const std::runtime_error &e) {
    EXPECT_STREQ(e.what(), "there is no variable 'idd', but: id, round");
  }
}

TEST(script, sleep_takes_the_units_of_pgbench_and_variables) {
  using std::chrono::microseconds;
  EXPECT_EQ(sleep_time("5 ms", {}), microseconds{5000});
  EXPECT_EQ(sleep_time("2", {}), microseconds{2000000});
  EXPECT_EQ(sleep_time("300 us", {}), microseconds{300});
  EXPECT_EQ(sleep_time(":t ms", {{"t", "1.5"}}), microseconds{1500});
  for (const char *none : {"x", "-1 ms", "5 h", "5 ms more", ":t ms"}) {
    EXPECT_THROW(sleep_time(none, {{"t", std::nullopt}}), std::runtime_error) << none;
  }
}

TEST(script, long_statements_are_cut_between_characters) {
  EXPECT_EQ(on_one_line(" a\n\n  b ", 10), "a b ");
  EXPECT_EQ(on_one_line("aaa\xC3\xA4", 4), "aaa ...");
  EXPECT_EQ(cut("aaa\xC3\xA4", 4), "aaa");
  EXPECT_EQ(cut("aaa\xC3\xA4", 5), "aaa\xC3\xA4");
}

TEST(script, what_programs_say_is_told_by_a_line) {
  EXPECT_EQ(first_line("a\nb"), "a");
  EXPECT_EQ(last_line("a\nb \n\n"), "b");
  EXPECT_EQ(last_line("a"), "a");
  EXPECT_EQ(last_line(" \n"), "");
}

TEST(variables, fill_in_words_and_environment) {
  const variables known{{"key", "{writer}"}, {"writer", "2"}, {"gone", std::nullopt}};
  EXPECT_EQ(fill_in("http://x/{key}?w={writer}&g={gone}", known), "http://x/{writer}?w=2&g=");
  EXPECT_EQ(fill_in("{\"a\": {writer}, {", known), "{\"a\": 2, {");
  const auto environment = as_environment({{"key", "7"}, {"think_ms", "1"}, {"a-b", "x"}, {"gone", std::nullopt}});
  EXPECT_EQ(environment, (std::map<std::string, std::string>{
                             {"RATCHET_KEY", "7"}, {"RATCHET_THINK_MS", "1"}, {"RATCHET_A_B", "x"}}));
}

}  // namespace
}  // namespace ratchet::cli::own
