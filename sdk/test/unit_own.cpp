// The race with own scripts: what the answers of scripts and commands mean, and how the outcome is told.
#include <gtest/gtest.h>

#include "race/own/judge.hpp"
#include "race/own/report.hpp"

namespace ratchet::cli::own {
namespace {

step_answer table(std::vector<std::string> columns, std::vector<std::vector<std::optional<std::string>>> rows,
                  bool verdict = false) {
  step_answer answer;
  answer.answered = {std::move(columns), std::move(rows), verdict};
  return answer;
}

step_answer failed(const std::string &why) {
  step_answer answer;
  answer.failure = why;
  return answer;
}

TEST(own, writer_succeeds_unless_it_is_refused) {
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal(table({"id"}, {{"7"}})), "");
  EXPECT_EQ(refusal(table({"ok"}, {{"t"}}, true)), "");
  EXPECT_EQ(refusal(failed("ERROR:  no")), "ERROR:  no");
  EXPECT_EQ(refusal(table({"id"}, {})), "no row");
  EXPECT_EQ(refusal(table({"ok", "why"}, {{"f", "late"}}, true)), "ok = f, why = late");
  EXPECT_EQ(refusal(table({"ok"}, {{std::nullopt}}, true)), "ok = NULL");
}

TEST(own, check_is_a_verdict_or_a_list_of_what_is_wrong) {
  EXPECT_EQ(complaint(table({"fine", "at"}, {{"t", "x"}}, true), false), "");
  EXPECT_EQ(complaint(table({"fine", "at"}, {{"t", "x"}, {"f", std::nullopt}}, true), false), "at = NULL");
  EXPECT_EQ(complaint(table({"fine"}, {{"f"}}, true), false), "fine = f");
  EXPECT_EQ(complaint(table({"fine"}, {{std::nullopt}}, true), false), "fine = NULL");
  EXPECT_EQ(complaint(table({"fine"}, {}, true), false), "the check found no row");
  EXPECT_EQ(complaint(table({"id"}, {}), false), "");
  EXPECT_EQ(complaint(table({"id", "at"}, {{"7", "x"}}), false), "id = 7, at = x");
  EXPECT_THROW(complaint({}, false), std::runtime_error);
}

TEST(own, command_checks_by_its_status) {
  EXPECT_EQ(complaint({}, true), "");
  EXPECT_EQ(complaint(table({"key"}, {{"what it printed"}}), true), "");
  EXPECT_EQ(complaint(failed("exit status 1: lost"), true), "exit status 1: lost");
}

TEST(own, columns_of_create_are_variables) {
  const auto row = created(table({"id", "token"}, {{"1", "x"}, {"7", std::nullopt}}));
  EXPECT_EQ(row, (variables{{"key", "7"}, {"id", "7"}, {"token", std::nullopt}}));
  EXPECT_THROW(created(table({"id"}, {})), std::runtime_error);
  EXPECT_THROW(created(table({"id", "round"}, {{"7", "1"}})), std::runtime_error);
}

own::report outcome() {
  own::report r;
  r.rounds = 50;
  r.submitted = 49;
  r.refused = 1;
  r.updated = 98;
  r.failed_updates = 2;
  r.failed_round = 3;
  r.loss = "a undid b";
  r.timeline = {{1, "update", "read", act::read}};
  for (int i = 0; i < 22; ++i) r.failures.push_back({i + 3, std::to_string(100 + i), "gone"});
  return r;
}

TEST(own, report_lists_failures_and_what_is_left) {
  options asked;
  asked.writers = 2;
  asked.update.script = "u.sql";
  auto text = as_text(tell(asked, outcome()));
  for (const char *part : {"1 submit meets 2 updates of the same row", "lost: round 3, key 100: gone\n",
                           "and 2 more; --json lists all\n", "a undid b\n", "every round's row is left"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
  asked.throwaway = true;
  EXPECT_EQ(as_text(tell(asked, outcome())).find(" left"), std::string::npos);
  EXPECT_FALSE(as_json(asked, outcome()).at("kept").get<bool>());
  asked.throwaway = false;
  EXPECT_TRUE(as_json(asked, outcome()).at("kept").get<bool>());
  asked.cleanup.script = "d.sql";
  EXPECT_EQ(as_text(tell(asked, outcome())).find(" left"), std::string::npos);
  asked.keep_failed = true;
  EXPECT_NE(as_text(tell(asked, outcome())).find("kept: the rows of 22 failed rounds\n"), std::string::npos);
}

TEST(own, json_has_everything) {
  options asked;
  asked.writers = 2;
  asked.update.command = "u";
  const auto json = as_json(asked, outcome());
  EXPECT_FALSE(json.at("ok").get<bool>());
  EXPECT_EQ(json.at("lost"), 22);
  EXPECT_EQ(json.at("failures").size(), 22U);
  EXPECT_EQ(json.at("failures").at(0).at("key"), "100");
  EXPECT_EQ(json.at("submits").at("succeeded"), 49);
  EXPECT_EQ(json.at("updates").at("refused"), 2);
  EXPECT_EQ(json.at("timeline").size(), 1U);
  EXPECT_EQ(json.at("loss"), "a undid b");
  EXPECT_TRUE(as_json({}, own::report{}).at("ok").get<bool>());
}

}  // namespace
}  // namespace ratchet::cli::own
