// The core lane, without a server: reading, printing and comparing contracts.
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/spec.h"

namespace {

namespace core = ratchet::core;

core::Spec parse(std::vector<std::string_view> arguments) { return core::parse_arguments(arguments); }

core::Spec scorecard() {
  return parse({"gate=submitted_at", "gate_by=submit", "actor=submitter", "owned=source", "mode=keep"});
}

template <typename Body>
core::error caught(Body body) {
  try {
    body();
  } catch (const core::error &error) {
    return error;
  }
  return core::error("00000", "nothing was thrown");
}

TEST(Arguments, AreReadAndWrittenBackInCanonicalOrder) {
  const core::Spec spec = parse({"owned=b", "mode=reject", "gate=done", "insert=reject", "owned=a", "gate_at=done_at"});
  EXPECT_EQ(core::arguments(spec), (std::vector<std::string>{"gate=done", "gate_at=done_at", "gate_by=any", "owned=b",
                                                             "owned=a", "mode=reject", "insert=reject"}));
}

TEST(Arguments, MayNameAnyColumn) {
  const core::Spec spec = parse({"gate=a=b, 'c' \"d\"", "owned= "});
  EXPECT_EQ(spec.gate, "a=b, 'c' \"d\"");
  EXPECT_EQ(spec.owned, std::vector<std::string>{" "});
}

TEST(Arguments, ThatNoVersionWritesAreRefusedAsUnenforceable) {
  for (const char *argument :
       {"submitted_at", "colour=red", "gate=again", "gate=", "mode=never", "gate_by=nobody", "owned=g"})
    EXPECT_EQ(caught([&] { parse({"gate=g", argument}); }).sqlstate(), "55R01") << argument;
}

TEST(Arguments, NeedAGate) {
  EXPECT_STREQ(caught([] { parse({"owned=a"}); }).what(), "a guard needs a gate");
}

TEST(Consistency, AColumnPlaysOneRole) {
  core::Spec spec;
  spec.gate = "g";
  spec.actor = "x";
  spec.owned = {"x"};
  const core::error error = caught([&] { core::check_consistent(spec); });
  EXPECT_EQ(error.sqlstate(), "22023");
  EXPECT_STREQ(error.what(), "column \"x\" is named twice");
}

TEST(Mode, IsOneWordOrAList) {
  EXPECT_EQ(core::parse_mode("observe"), core::Mode::observe);
  EXPECT_EQ(core::parse_mode(" owned = reject "), core::Mode::reject);
}

TEST(Mode, RefusesWhatItWouldOtherwiseIgnore) {
  for (const char *mode : {"", "kep", "forward=keep", "owned=keep,owned=reject", "keep, reject", "owned=", "keep,"})
    EXPECT_EQ(caught([&] { core::parse_mode(mode); }).sqlstate(), "22023") << mode;
}

TEST(Words, AreChecked) {
  EXPECT_EQ(core::parse_gate_by("submit"), core::GateBy::submit);
  EXPECT_TRUE(core::parse_insert("reject"));
  EXPECT_EQ(caught([] { core::parse_gate_by("Any"); }).sqlstate(), "22023");
  EXPECT_EQ(caught([] { core::parse_insert(""); }).sqlstate(), "22023");
}

TEST(Weakened, IsEmptyForAdditionsAndStricterModes) {
  core::Spec after = scorecard();
  after.owned.emplace_back("comment");
  after.idempotency_key = "request";
  after.owned_mode = core::Mode::reject;
  after.insert_reject = true;
  EXPECT_TRUE(core::weakened(scorecard(), after).empty());
}

TEST(Weakened, NamesEverythingThatIsLost) {
  const core::Spec after = parse({"gate=closed_at", "gate_by=any", "mode=observe"});
  EXPECT_EQ(core::join(core::weakened(scorecard(), after), "; "),
            "gate \"submitted_at\" becomes \"closed_at\"; actor \"submitter\" is removed; owned \"source\" is removed; "
            "gate_by submit becomes any; mode keep becomes observe");
}

TEST(Renamed, FollowsTheColumnInEveryRole) {
  EXPECT_EQ(core::renamed(scorecard(), "source", "origin"),
            (std::vector<std::string>{"gate=submitted_at", "gate_by=submit", "actor=submitter", "owned=origin",
                                      "mode=keep"}));
  EXPECT_EQ(core::renamed(scorecard(), "submitted_at", "at").front(), "gate=at");
  EXPECT_TRUE(core::renamed(scorecard(), "comment", "remark").empty());
}

TEST(Guarded, StartsWithTheGate) {
  EXPECT_EQ(scorecard().guarded(), (std::vector<std::string>{"submitted_at", "submitter", "source"}));
}

}  // namespace
