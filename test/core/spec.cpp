// The core lane, without a server: reading, printing and comparing contracts.
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/guard_spec.h"
#include "core/rate_limit.h"

namespace {

namespace core = ratchet::core;

core::GuardSpec parse(std::vector<std::string_view> arguments) { return core::parse_arguments(arguments); }

core::GuardSpec scorecard() {
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
  const core::GuardSpec spec =
      parse({"owned=b", "mode=reject", "gate=done", "insert=reject", "owned=a", "gate_at=done_at"});
  EXPECT_EQ(core::arguments(spec), (std::vector<std::string>{"gate=done", "gate_at=done_at", "gate_by=any", "owned=b",
                                                             "owned=a", "mode=reject", "insert=reject"}));
}

TEST(Arguments, MayNameAnyColumn) {
  const core::GuardSpec spec = parse({"gate=a=b, 'c' \"d\"", "owned= "});
  EXPECT_EQ(spec.gate, "a=b, 'c' \"d\"");
  EXPECT_EQ(spec.owned, std::vector<std::string>{" "});
}

TEST(Arguments, ThatNoVersionWritesAreRefusedAsUnenforceable) {
  for (const char *argument :
       {"submitted_at", "colour=red", "gate=again", "gate=", "mode=never", "gate_by=nobody", "owned=g"})
    EXPECT_EQ(caught([&] { parse({"gate=g", argument}); }).sqlstate(), "42R01") << argument;
}

TEST(Arguments, NeedSomethingToGuard) {
  EXPECT_STREQ(caught([] { parse({}); }).what(), "a guard needs something to guard");
  EXPECT_STREQ(caught([] { parse({"owned=a"}); }).what(), "owned needs a gate");
  EXPECT_STREQ(caught([] { parse({"frozen=a", "once=b"}); }).what(), "frozen needs a gate or states");
  EXPECT_STREQ(caught([] {
                 parse({"forward=a", "idempotency_key=b"});
               }).what(),
               "idempotency_key needs a gate or states");
}

TEST(RateLimit, IsReadInAnyFormAndWrittenInOne) {
  const auto canonical = [](const char *text) { return core::text_of(core::parse_rate_limit(text)); };
  EXPECT_EQ(canonical("10 per minute"), "10 per minute");
  EXPECT_EQ(canonical("  7 per  60 seconds "), "7 per minute");
  EXPECT_EQ(canonical("100 per 90 minutes"), "100 per 90 minutes");
  EXPECT_EQ(canonical("1 per 48 hours"), "1 per 2 days");
  EXPECT_EQ(canonical("1000000 per 31 days"), "1000000 per 31 days");
}

TEST(RateLimit, ThatIsNoneIsRefused) {
  for (const char *text :
       {"", " ", "per minute", "10", "10 per", "10 minute", "10 per 5", "x per day", "10 per fortnight", "0 per day",
        "10 per 0 days", "-1 per day", "1.5 per day", "10 per day day", "10 per 32 days", "1000001 per day",
        "9223372036854775808 per day", "10 per 9223372036854775807 days", "10 per s"})
    EXPECT_EQ(caught([&] { core::parse_rate_limit(text); }).sqlstate(), "22023") << text;
}

TEST(RateLimit, MayBecomeStricterAndNotLooser) {
  const auto weakens = [](const char *before, const char *after) {
    return core::allows_more(core::parse_rate_limit(before), core::parse_rate_limit(after));
  };
  EXPECT_FALSE(weakens("10 per minute", "10 per minute"));
  EXPECT_FALSE(weakens("10 per minute", "9 per minute"));
  EXPECT_FALSE(weakens("10 per minute", "10 per hour"));
  EXPECT_TRUE(weakens("10 per minute", "11 per minute"));
  EXPECT_TRUE(weakens("10 per minute", "10 per 59 seconds"));
  EXPECT_TRUE(weakens("10 per minute", "20 per hour"));  // at once
  EXPECT_TRUE(core::allows_more(core::parse_rate_limit("1 per day"), core::RateLimit{}));
  EXPECT_FALSE(core::allows_more(core::RateLimit{}, core::parse_rate_limit("1 per day")));
}

TEST(RateLimit, IsAnArgumentOfAContractWithAGate) {
  const core::GuardSpec spec = parse({"gate=g", "rate_limit=10 per minute"});
  EXPECT_EQ(spec.rate_limit.calls, 10);
  EXPECT_EQ(spec.rate_limit.seconds, 60);
  EXPECT_EQ(core::arguments(spec),
            (std::vector<std::string>{"gate=g", "gate_by=any", "mode=keep", "rate_limit=10 per minute"}));
  EXPECT_EQ(core::weakened(spec, parse({"gate=g"})),
            std::vector<std::string>{"rate_limit \"10 per minute\" is removed"});
  EXPECT_STREQ(caught([] { parse({"once=a", "rate_limit=1 per day"}); }).what(), "rate_limit needs a gate");
}

TEST(Arguments, OfAllPoliciesAreWrittenBack) {
  const std::vector<std::string> written{"once=creator",    "frozen=result", "frozen=creator", "forward=progress",
                                         "state=status",    "from=done",     "from=open",      "to=done",
                                         "heartbeat=alive", "fence=n",       "version=v",      "mode=once=reject"};
  EXPECT_EQ(core::arguments(parse({written.begin(), written.end()})), written);
}

TEST(Consistency, AColumnPlaysOneRole) {
  core::GuardSpec spec;
  spec.gate = "g";
  spec.actor = "x";
  spec.owned = {"x"};
  const core::error error = caught([&] { core::check_consistent(spec); });
  EXPECT_EQ(error.sqlstate(), "22023");
  EXPECT_STREQ(error.what(), "column \"x\" is named twice");
}

TEST(Consistency, OnlyFrozenComesBesideAnotherRole) {
  EXPECT_NO_THROW(parse({"gate=g", "once=a", "forward=b", "heartbeat=c", "frozen=a", "frozen=b", "frozen=c"}));
  for (const char *role : {"gate=x", "owned=x", "state=x", "fence=x", "version=x", "frozen=x"})
    EXPECT_EQ(caught([&] { parse({"gate=g", role, "from=1", "frozen=x"}); }).sqlstate(), "42R01") << role;
  EXPECT_STREQ(caught([] { parse({"gate=g", "version=x", "frozen=x"}); }).what(), "column \"x\" is named twice");
}

TEST(Words, AreChecked) {
  EXPECT_EQ(core::parse_gate_by("submit"), core::GateBy::submit);
  EXPECT_TRUE(core::parse_insert("reject"));
  EXPECT_EQ(caught([] { core::parse_gate_by("Any"); }).sqlstate(), "22023");
  EXPECT_EQ(caught([] { core::parse_insert(""); }).sqlstate(), "22023");
  EXPECT_TRUE(core::parse_delete("reject"));
  EXPECT_STREQ(caught([] { core::parse_delete("keep"); }).what(), "invalid delete \"keep\"");
}

TEST(Weakened, IsEmptyForAdditionsAndStricterModes) {
  core::GuardSpec after = scorecard();
  after.owned.emplace_back("comment");
  after.idempotency_key = "request";
  after.modes.owned = core::Mode::reject;
  after.insert_reject = true;
  EXPECT_TRUE(core::weakened(scorecard(), after).empty());
}

TEST(Weakened, NamesEverythingThatIsLost) {
  const core::GuardSpec after = parse({"gate=closed_at", "gate_by=any", "mode=observe"});
  EXPECT_EQ(core::join(core::weakened(scorecard(), after), "; "),
            "gate \"submitted_at\" becomes \"closed_at\"; actor \"submitter\" is removed; owned \"source\" is removed; "
            "gate_by submit becomes any; mode of owned keep becomes observe");
}

TEST(Alive, IsOfOneColumnInAnyOrder) {
  const std::vector<std::string_view> jobs{"state=a", "from=x", "to=y", "from=y", "heartbeat=h"};
  const auto with = [&](std::initializer_list<std::string_view> more) {
    std::vector<std::string_view> arguments{"state=b", "from=1", "to=2", "from=2", "from=x", "to=1"};
    arguments.insert(arguments.end(), jobs.begin(), jobs.end());
    arguments.insert(arguments.end(), more);
    return parse(arguments);
  };
  core::GuardSpec spec = with({"alive=x", "alive=1", "alive=x"});
  EXPECT_EQ(spec.alive, (std::vector<std::string>{"1", "x"}));
  EXPECT_EQ(spec.settle_alive()->column, "b");
  EXPECT_STREQ(caught([&] { with({"alive=x"}); }).what(), "columns \"a\" and \"b\" both have the states of alive");
  EXPECT_STREQ(caught([&] { with({"alive=z"}); }).what(), "state \"z\" of alive is a key of no graph");
  EXPECT_STREQ(caught([&] { with({"alive=1", "alive=y"}); }).what(), "no column has all the states of alive");
  EXPECT_STREQ(caught([&] { with({"alive=2"}); }).what(), "state \"2\" of alive is terminal");
  EXPECT_STREQ(caught([] { parse({"state=a", "from=x", "alive=x"}); }).what(), "alive needs a heartbeat");
  EXPECT_STREQ(caught([] { parse({"heartbeat=h", "alive=x"}); }).what(), "alive needs states");
  EXPECT_EQ(core::GuardSpec{}.settle_alive(), nullptr);
}

TEST(Alive, IsNotChangedUnasked) {
  const std::vector<std::string_view> job{"state=a", "from=x", "to=y", "from=y", "to=z", "from=z", "heartbeat=h"};
  const auto with = [&](std::initializer_list<std::string_view> more) {
    std::vector<std::string_view> arguments = job;
    arguments.insert(arguments.end(), more);
    return parse(arguments);
  };
  EXPECT_TRUE(core::weakened(with({}), with({"alive=x"})).empty());
  EXPECT_EQ(core::join(core::weakened(with({"alive=x"}), with({"alive=y"})), "; "),
            "a row is alive in state \"y\" too; a row is alive in state \"x\" no more");
  EXPECT_EQ(core::join(core::weakened(with({"alive=x"}), with({})), "; "), "alive is removed");
}

TEST(Version, IgnoresColumnsOfAnyOtherRole) {
  const core::GuardSpec spec = parse({"gate=g", "forward=n", "version=v", "version_ignores=n", "version_ignores=g"});
  EXPECT_EQ(spec.version_ignores, (std::vector<std::string>{"n", "g"}));
  EXPECT_EQ(core::renamed(spec, "n", "m"), (std::vector<std::string>{"gate=g", "gate_by=any", "forward=m", "version=v",
                                                                     "version_ignores=m", "version_ignores=g"}));
  EXPECT_STREQ(caught([] { parse({"once=a", "version_ignores=a"}); }).what(), "version_ignores needs a version");
  for (const char *column : {"version_ignores=v", "version_ignores=n"})
    EXPECT_EQ(caught([&] { parse({"version=v", "version_ignores=n", column}); }).sqlstate(), "42R01") << column;
}

TEST(Weakened, IgnoringMoreIs) {
  const core::GuardSpec before = parse({"version=v", "version_ignores=a"});
  EXPECT_EQ(core::join(core::weakened(before, parse({"version=v", "version_ignores=a", "version_ignores=b"})), "; "),
            "the version ignores \"b\" too");
  EXPECT_TRUE(core::weakened(before, parse({"version=v"})).empty());
  EXPECT_TRUE(core::weakened(parse({"once=c"}), parse({"once=c", "version=v", "version_ignores=a"})).empty());
}

TEST(Weakened, ClosedRowsMayGoAgain) {
  EXPECT_EQ(core::join(core::weakened(parse({"gate=g", "delete=reject"}), parse({"gate=g"})), "; "),
            "delete reject becomes allow");
  EXPECT_STREQ(caught([] { parse({"once=a", "delete=reject"}); }).what(), "delete needs a gate or states");
  EXPECT_EQ(core::arguments(parse({"delete=reject", "insert=reject", "gate=g"})).back(), "delete=reject");
}

TEST(Weakened, AFenceGoesForwardToo) {
  EXPECT_TRUE(core::weakened(parse({"forward=n"}), parse({"fence=n"})).empty());
  EXPECT_EQ(core::join(core::weakened(parse({"forward=n"}), parse({"fence=n", "mode=observe"})), "; "),
            "forward \"n\" is removed; mode of forward keep becomes observe");
  EXPECT_EQ(core::join(core::weakened(parse({"fence=n"}), parse({"fence=m", "mode=keep"})), "; "),
            "fence \"n\" becomes \"m\"; mode of fence reject becomes keep");
}

TEST(Renamed, FollowsTheColumnInEveryRole) {
  EXPECT_EQ(core::renamed(scorecard(), "source", "origin"),
            (std::vector<std::string>{"gate=submitted_at", "gate_by=submit", "actor=submitter", "owned=origin",
                                      "mode=keep"}));
  EXPECT_EQ(core::renamed(scorecard(), "submitted_at", "at").front(), "gate=at");
  EXPECT_TRUE(core::renamed(scorecard(), "comment", "remark").empty());
}

TEST(Guarded, StartsWithTheGate) {
  std::vector<std::string> columns;
  for (const core::Guarded &guarded : scorecard().guarded()) columns.push_back(guarded.column);
  EXPECT_EQ(columns, (std::vector<std::string>{"submitted_at", "submitter", "source"}));
  EXPECT_EQ(scorecard().guarded().front().policy, core::Policy::gate);
}

}  // namespace
