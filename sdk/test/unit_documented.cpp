// The tables of outcomes and errors in docs/reference/outcomes.md, and those that repeat them, say what the SDK does.
#include <gtest/gtest.h>

#include <map>
#include <ratchet/ratchet.hpp>

#include "documented.hpp"

namespace ratchet::test {
namespace {

struct meaning {
  int status;
  bool success;
  bool operator==(const meaning &other) const { return status == other.status && success == other.success; }
};

std::ostream &operator<<(std::ostream &out, const meaning &m) {
  return out << m.status << (m.success ? " true" : " false");
}

using meanings = std::map<std::string, meaning>;  // of the outcomes of one call

meanings documented_for(const std::string &call) {
  meanings found;
  for (const auto &outcome : documented_outcomes()) {
    if (outcome.calls.count(call) != 0) found.emplace(outcome.text, meaning{outcome.status, outcome.success});
  }
  return found;
}

// What a result makes of every enumerator: the last one of each enumeration is `unknown`.
template <typename Result, typename Outcome>
meanings built_for(Outcome from(std::string_view) noexcept) {
  meanings found;
  for (int i = 0; i < static_cast<int>(Outcome::unknown); ++i) {
    Result result;
    result.outcome = static_cast<Outcome>(i);
    const std::string text{to_string(result.outcome)};
    EXPECT_EQ(from(text), result.outcome) << text;
    found.emplace(text, meaning{http_status(result), static_cast<bool>(result)});
  }
  EXPECT_EQ(from("no such outcome"), Outcome::unknown);
  EXPECT_EQ(to_string(Outcome::unknown), "unknown");
  EXPECT_EQ(http_status(Outcome::unknown), 500);
  EXPECT_FALSE(Result{});
  return found;
}

TEST(documented, outcomes_are_those_of_the_sdk) {
  EXPECT_EQ(documented_for("submit()"), built_for<submit_result>(submit_outcome_from));
  EXPECT_EQ(documented_for("update()"), built_for<update_result>(update_outcome_from));
  EXPECT_EQ(documented_for("advance()"), built_for<advance_result>(advance_outcome_from));
  EXPECT_EQ(documented_for("beat()"), built_for<beat_result>(beat_outcome_from));
  EXPECT_EQ(documented_for("amend()"), built_for<amend_result>(amend_outcome_from));
  EXPECT_EQ(documented_for("submit_batch()"), built_for<batch_result>(batch_outcome_from));
  EXPECT_EQ(documented_for("progress()"), built_for<progress_result>(progress_outcome_from));
}

TEST(documented, outcomes_have_one_row_each_and_calls_that_exist) {
  const std::set<std::string> calls{"submit()", "update()",       "advance()", "beat()",
                                    "amend()",  "submit_batch()", "progress()"};
  std::set<std::string> seen;
  for (const auto &outcome : documented_outcomes()) {
    EXPECT_TRUE(seen.insert(outcome.text).second) << outcome.text << " twice";
    EXPECT_FALSE(outcome.calls.empty()) << outcome.text;
    for (const auto &call : outcome.calls) EXPECT_EQ(calls.count(call), 1U) << call;
  }
}

TEST(documented, the_outcomes_by_verb_are_those_of_the_table) {
  int rows = 0;
  for (const auto &row : documented("docs/reference/outcomes.md", "## By verb")) {
    const auto call = words_in(row.at(0)).at(0).substr(std::string{"ratchet."}.size());
    if (row.at(2).empty()) continue;  // lists rows, and has no outcome
    std::map<std::string, int> told, expected;
    std::size_t from = 0;
    for (const auto &outcome : words_in(row.at(1))) {
      told[outcome] = std::stoi(row.at(2).substr(from));
      from = std::min(row.at(2).find(", ", from), row.at(2).size() - 2) + 2;
    }
    for (const auto &outcome : documented_outcomes()) {
      if (outcome.calls.count(call) != 0 && !outcome.reserved) expected[outcome.text] = outcome.status;
    }
    EXPECT_EQ(told, expected) << call;
    ++rows;
  }
  EXPECT_EQ(rows, 7);
}

std::map<std::string, error_kind> kinds() {
  std::map<std::string, error_kind> all;
  for (int i = 0; i <= static_cast<int>(error_kind::other); ++i) {
    all.emplace(to_string(static_cast<error_kind>(i)), static_cast<error_kind>(i));
  }
  return all;
}

TEST(documented, errors_are_those_of_the_sdk) {
  auto missing = kinds();
  std::set<std::string> codes;
  for (const auto &row : documented("docs/reference/outcomes.md", "## Errors and HTTP")) {
    const auto name = words_in(row.at(0)).at(0);
    ASSERT_EQ(missing.count(name), 1U) << name;
    const auto kind = missing.at(name);
    missing.erase(name);
    for (const auto &code : words_in(row.at(1))) {
      codes.insert(code);
      EXPECT_EQ(kind_of(code.size() == 2 ? code + "000" : code), kind) << code;
    }
    EXPECT_EQ(http_status(error{kind, ""}), std::stoi(row.at(2))) << name;
    EXPECT_EQ((error{kind, ""}.retryable()), row.at(3) == "yes") << name;
  }
  EXPECT_TRUE(missing.empty()) << missing.begin()->first;
  // ratchet's own are all there
  for (const auto &row : documented("docs/reference/outcomes.md", "## SQLSTATEs")) {
    if (row.at(0).size() == 5 && row.at(0)[2] == 'R' && row.at(1) == "error") {
      EXPECT_EQ(codes.count(row.at(0)), 1U) << row.at(0);
    }
  }
}

TEST(documented, sdk_page_has_the_kinds_of_the_reference) {
  auto missing = kinds();
  for (const auto &row : documented("sdk/README.md", "## Errors and HTTP")) {
    for (const auto &name : words_in(row.at(0))) {
      ASSERT_EQ(missing.count(name), 1U) << name;
      EXPECT_EQ(http_status(error{missing.at(name), ""}), std::stoi(row.at(2))) << name;
      missing.erase(name);
    }
  }
  EXPECT_TRUE(missing.empty()) << missing.begin()->first;
}

}  // namespace
}  // namespace ratchet::test
