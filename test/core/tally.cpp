// The core lane, without a server: tallies as values.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/tally_spec.h"

namespace {

namespace core = ratchet::core;

using Words = std::vector<std::string>;

core::TallySpec source(const std::vector<std::string_view> &arguments) { return core::parse_child(arguments); }
core::ParentSpec kept(const std::vector<std::string_view> &arguments) { return core::parse_parent(arguments); }

core::TallySpec results() {
  return source({"via=run", "counter=evaluated", "count=true", "counter=points", "sum=score"});
}

core::Completion completion() {
  core::Completion made;
  made.total = "total";
  made.total_of = "evaluated";
  made.done = "completed";
  made.done_at = "completed_at";
  made.on_done = "public.finish(integer)";
  return made;
}

// A tally with a completion, and what its parent keeps of it.
core::TallySpec complete() {
  core::TallySpec tally = results();
  tally.completion = completion();
  return tally;
}

core::ParentSpec runs() { return core::with(core::ParentSpec{{"id"}, {}, {}, {}}, complete()); }

core::TallySpec assignments() {
  core::TallySpec tally = source({"via=run", "counter=total", "count=NOT withdrawn"});
  return tally;
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

std::string refusal(core::TallySpec tally) {
  const core::error error = caught([&] { core::check_consistent(tally); });
  return error.sqlstate() + " " + error.what();
}

TEST(Source, IsReadAndWrittenBackAsItIs) {
  const Words arguments{"via=b", "via=a", "counter=z", "sum=(x + 1)", "counter=c", "count=true"};
  const core::TallySpec tally = source({arguments.begin(), arguments.end()});
  EXPECT_EQ(tally.via, (Words{"b", "a"}));
  ASSERT_EQ(tally.counters.size(), 2U);
  EXPECT_TRUE(tally.counters[0].sum);
  EXPECT_EQ(tally.counters[0].expression, "(x + 1)");
  EXPECT_FALSE(tally.counters[1].sum);
  EXPECT_EQ(core::child_arguments(tally), arguments);
}

TEST(Source, MayNameAnyColumnAndSayAnything) {
  const core::TallySpec tally = source({"via=a=b", "counter= 'c' \"d\"", "count=(x = 'count=true'::text)"});
  EXPECT_EQ(tally.via, Words{"a=b"});
  EXPECT_EQ(tally.counters.front().column, " 'c' \"d\"");
  EXPECT_EQ(tally.counters.front().expression, "(x = 'count=true'::text)");
}

TEST(Source, ThatNoVersionWritesIsRefusedAsUnenforceable) {
  const std::vector<std::vector<std::string_view>> broken{
      {},
      {"via=a"},
      {"counter=c", "count=true"},
      {"via=a", "counter=c"},
      {"via=a", "counter=c", "counter=d", "count=true"},
      {"via=a", "count=true"},
      {"via=a", "counter=c", "count=true", "sum=x"},
      {"via=a", "counter=c", "via=b", "count=true"},
      {"via=", "counter=c", "count=true"},
      {"via=a", "counter=", "count=true"},
      {"via=a", "counter=c", "count="},
      {"via", "counter=c", "count=true"},
      {"via=a", "counter=c", "count=true", "colour=red"},
      {"via=a", "counter=c", "count=true", "total=t"},
  };
  for (std::size_t i = 0; i < broken.size(); ++i)
    EXPECT_EQ(caught([&] { source(broken[i]); }).sqlstate(), "42R01") << "case " << i;
}

TEST(Kept, IsReadAndWrittenBackAsItIs) {
  const Words arguments{"key=a",      "key=b",       "counter=c",
                        "counter=d",  "total=t",     "total_of=c",
                        "done=o",     "done_at=at",  "on_done=s.f(integer)",
                        "latch=true", "notify=true", "total=c",
                        "total_of=d"};
  const core::ParentSpec parsed = kept({arguments.begin(), arguments.end()});
  EXPECT_EQ(parsed.key, (Words{"a", "b"}));
  ASSERT_EQ(parsed.completions.size(), 2U);
  EXPECT_TRUE(parsed.completions[0].latch);
  EXPECT_TRUE(parsed.completions[0].notify);
  EXPECT_EQ(parsed.completions[0].on_done, "s.f(integer)");
  EXPECT_EQ(parsed.completions[1].total, "c");
  EXPECT_FALSE(parsed.completions[1].latch);
  EXPECT_EQ(core::parent_arguments(parsed), arguments);
}

TEST(Kept, HasConditionsBesideTotals) {
  const Words arguments{"key=a",        "counter=c",
                        "counter=d",    "total=t",
                        "total_of=c",   "when=(x = 'when=y'::text)",
                        "of=d",         "done=o",
                        "done_at=at",   "on_done=s.f(integer)",
                        "latch=true",   "notify=true",
                        "when=(c > 1)", "of=d",
                        "done=p"};
  const core::ParentSpec parsed = kept({arguments.begin(), arguments.end()});
  ASSERT_EQ(parsed.completions.size(), 3U);
  EXPECT_EQ(parsed.completions[0].when, "");
  EXPECT_EQ(parsed.completions[1].when, "(x = 'when=y'::text)");
  EXPECT_EQ(parsed.completions[1].total, "");
  EXPECT_EQ(parsed.completions[1].total_of, "d");
  EXPECT_TRUE(parsed.completions[1].latch);
  EXPECT_EQ(parsed.completions[2].done, "p");
  EXPECT_EQ(core::parent_arguments(parsed), arguments);
  EXPECT_EQ(parsed.guarded(), (Words{"c", "d", "o", "at", "p"}));
}

TEST(Kept, ThatNoVersionWritesIsRefusedAsUnenforceable) {
  const std::vector<std::vector<std::string_view>> broken{
      {},
      {"key=a"},
      {"counter=c"},
      {"key=a", "counter=c", "done=o"},
      {"key=a", "counter=c", "latch=true"},
      {"key=a", "counter=c", "total=t"},
      {"key=a", "counter=c", "total=t", "total_of=d"},
      {"key=a", "counter=c", "total=t", "total_of=c", "total_of=c"},
      {"key=a", "counter=c", "total=t", "total_of=c", "done=o", "done=p"},
      {"key=a", "counter=c", "total=t", "total_of=c", "latch=false"},
      {"key=a", "counter=c", "total=t", "total_of=c", "notify=yes"},
      {"key=a", "counter=c", "total="},
      {"key=a", "counter=c", "when=", "of=c", "done=o"},
      {"key=a", "counter=c", "when=true", "of=c"},
      {"key=a", "counter=c", "when=true", "done=o"},
      {"key=a", "counter=c", "when=true", "of=d", "done=o"},
      {"key=a", "counter=c", "when=true", "of=c", "of=c", "done=o"},
      {"key=a", "counter=c", "when=true", "total_of=c", "done=o"},
      {"key=a", "counter=c", "total=t", "of=c", "done=o"},
      {"key=a", "counter=c", "of=c", "done=o"},
      {"key=a", "counter=c", "colour=red"},
      {"key", "counter=c"},
  };
  for (std::size_t i = 0; i < broken.size(); ++i)
    EXPECT_EQ(caught([&] { kept(broken[i]); }).sqlstate(), "42R01") << "case " << i;
}

TEST(Kept, GuardsEveryColumnThatOnlyTalliesWrite) {
  EXPECT_EQ(runs().guarded(), (Words{"evaluated", "points", "completed", "completed_at"}));
  EXPECT_EQ(kept({"key=id", "counter=c", "total=t", "total_of=c"}).guarded(), Words{"c"});
}

TEST(Tally, TakesTheOnlyCounterOfEveryRowAsTotalOf) {
  core::TallySpec tally = results();
  tally.completion.total = "total";
  core::check_consistent(tally);
  EXPECT_EQ(tally.completion.total_of, "evaluated");
}

TEST(Tally, NeedsTotalOfWhereMoreOrNoneCountEveryRow) {
  core::TallySpec tally = results();
  tally.completion.total = "total";
  tally.counters.push_back({"all", false, "true"});
  EXPECT_EQ(refusal(tally), "22023 total_of is needed: several counters count every row");
  tally.completion.total_of = "all";
  EXPECT_EQ(refusal(tally), "00000 nothing was thrown");
  // The sum of an expression that reads "true" is no count of rows.
  tally = source({"via=run", "counter=right", "count=correct", "counter=points", "sum=true"});
  tally.completion.total = "total";
  EXPECT_EQ(refusal(tally), "22023 total_of is needed: no counter counts every row");
}

TEST(Tally, RefusesWhatItWouldOtherwiseIgnore) {
  const auto with = [](auto change) {
    core::TallySpec tally = results();
    change(tally.completion);
    return refusal(tally);
  };
  EXPECT_EQ(with([](core::Completion &c) { c.done = "completed"; }), "22023 done and total_of need total");
  EXPECT_EQ(with([](core::Completion &c) { c.total_of = "evaluated"; }), "22023 done and total_of need total");
  EXPECT_EQ(with([](core::Completion &c) { c.done_at = "at"; }), "22023 done_at needs done");
  EXPECT_EQ(with([](core::Completion &c) { c.on_done = "f()"; }), "22023 on_done needs done");
  EXPECT_EQ(with([](core::Completion &c) { c.latch = true; }), "22023 latch needs done");
  EXPECT_EQ(with([](core::Completion &c) { c.notify = true; }), "22023 notify needs done");
  EXPECT_EQ(with([](core::Completion &c) { c.time_zone = "UTC"; }), "22023 time_zone needs done_at");
  EXPECT_EQ(with([](core::Completion &c) {
              c.total = "total";
              c.total_of = "points2";
            }),
            "22023 total_of \"points2\" is not one of the counters");
  core::TallySpec none = results();
  none.counters.clear();
  EXPECT_EQ(refusal(none), "22023 a tally needs at least one counter");
}

TEST(Tally, GivesAColumnOneRole) {
  core::TallySpec tally = complete();
  tally.completion.done_at = "completed";
  EXPECT_EQ(refusal(tally), "22023 column \"completed\" is named twice");
  tally = complete();
  tally.completion.done = "points";
  EXPECT_EQ(refusal(tally), "22023 column \"points\" is named twice");
  tally = complete();
  tally.via = {"run", "run"};
  EXPECT_EQ(refusal(tally), "22023 column \"run\" is named twice");
  tally = results();
  tally.counters.front().column = "";
  EXPECT_EQ(refusal(tally), "22023 a column name must not be empty");
}

TEST(Tally, ComparesATotalWithAnythingButItself) {
  core::TallySpec tally = complete();
  tally.completion.total = "points";
  EXPECT_EQ(refusal(tally), "00000 nothing was thrown");
  for (const char *same : {"evaluated", "completed", "completed_at"}) {
    tally.completion.total = same;
    EXPECT_EQ(refusal(tally), std::string("22023 total \"") + same + "\" cannot be compared with itself");
  }
}

// A tally with two conditions.
core::TallySpec conditional() {
  core::TallySpec tally = results();
  for (const char *done : {"passed", "failed"}) {
    core::Completion completion;
    completion.when = std::string(done) + "_count > 0";
    completion.done = done;
    tally.completions.push_back(completion);
  }
  core::check_consistent(tally);
  return tally;
}

TEST(Conditions, BelongToTheTallyThatDeclaresThem) {
  const core::TallySpec tally = conditional();
  EXPECT_EQ(tally.completions[0].total_of, "evaluated");
  const core::ParentSpec both = core::with(core::with(core::ParentSpec{{"id"}, {}, {}, {}}, assignments()), tally);
  EXPECT_EQ(core::parent_arguments(both),
            (Words{"key=id", "counter=evaluated", "counter=points", "counter=total", "when=failed_count > 0",
                   "of=evaluated", "done=failed", "when=passed_count > 0", "of=evaluated", "done=passed"}));
  EXPECT_EQ(core::whole(results(), both).completions.size(), 2U);
  EXPECT_TRUE(core::whole(assignments(), both).completions.empty());
  EXPECT_TRUE(core::without(both, results()).completions.empty());
  EXPECT_EQ(core::without(both, assignments()).completions.size(), 2U);
}

TEST(Conditions, StandBesideATotal) {
  core::TallySpec tally = conditional();
  tally.completion = completion();
  const core::ParentSpec parent = core::with(core::ParentSpec{{"id"}, {}, {}, {}}, tally);
  ASSERT_EQ(parent.completions.size(), 3U);
  EXPECT_EQ(parent.completions[0].total, "total");
  const core::TallySpec whole = core::whole(results(), parent);
  EXPECT_EQ(whole.completion.done, "completed");
  EXPECT_EQ(whole.completions.size(), 2U);
}

TEST(Conditions, RefuseWhatTheyWouldOtherwiseIgnore) {
  core::TallySpec tally = conditional();
  tally.completions[0].time_zone = "UTC";
  EXPECT_EQ(refusal(tally), "22023 time_zone needs at");
  tally = conditional();
  tally.completions[0].done = "failed";
  EXPECT_EQ(refusal(tally), "22023 column \"failed\" is named twice");
  tally.completions[0].done = "points";
  EXPECT_EQ(refusal(tally), "22023 column \"points\" is named twice");
  tally.completions[0].done = "";
  EXPECT_EQ(refusal(tally), "22023 a column name must not be empty");
  tally = conditional();
  tally.completion = completion();
  tally.completion.done_at = "passed";
  EXPECT_EQ(refusal(tally), "22023 column \"passed\" is named twice");
}

TEST(Conditions, AreWeakerWhenAnythingOfThemIsLost) {
  core::TallySpec before = conditional();
  before.completions[0].done_at = "passed_at";
  before.completions[0].on_done = "public.finish(integer)";
  before.completions[0].latch = true;
  core::TallySpec after = conditional();
  EXPECT_TRUE(core::weakened(after, before).empty());
  EXPECT_TRUE(core::weakened(results(), before).empty());
  after.completions.pop_back();
  after.completions[0].when = "true";
  EXPECT_EQ(core::weakened(before, after),
            (Words{"when \"passed_count > 0\" of completion \"passed\" becomes \"true\"",
                   "at \"passed_at\" of completion \"passed\" is removed",
                   "call \"public.finish(integer)\" of completion \"passed\" is removed",
                   "latch of completion \"passed\" is removed", "completion \"failed\" is removed"}));
}

TEST(Conditions, FollowTheRenameOfTheColumnThatTheyDecide) {
  const core::ParentSpec before = core::with(core::ParentSpec{{"id"}, {}, {}, {}}, conditional());
  const core::ParentSpec after = core::parent_renamed(before, "passed", "new");
  EXPECT_EQ(after.completions[1].done, "new");
  EXPECT_EQ(core::parent_renamed(before, "evaluated", "new").completions[0].total_of, "new");
  // What a condition reads is PostgreSQL's to rename: see declare/follow.cpp.
  EXPECT_EQ(core::parent_renamed(before, "passed_count", "new").completions[1].when, "passed_count > 0");
}

// A tally with two limits.
core::TallySpec limited() {
  core::TallySpec tally = results();
  tally.limits = {{"points", {"budget", ""}, {"", "-10"}}, {"evaluated", {"", "100"}, {}}};
  core::check_consistent(tally);
  return tally;
}

TEST(Limits, AreKeptByCounter) {
  const core::ParentSpec parent = core::with(core::ParentSpec{{"id"}, {}, {}, {}}, limited());
  const Words arguments{"key=id",     "counter=evaluated", "counter=points", "limit=evaluated",
                        "max_is=100", "limit=points",      "max=budget",     "min_is=-10"};
  EXPECT_EQ(core::parent_arguments(parent), arguments);
  EXPECT_EQ(core::parent_arguments(kept({arguments.begin(), arguments.end()})), arguments);
  EXPECT_EQ(core::whole(results(), parent).limits.size(), 2U);
  EXPECT_TRUE(core::whole(assignments(), parent).limits.empty());
  EXPECT_TRUE(core::without(core::with(parent, assignments()), results()).limits.empty());
  EXPECT_EQ(parent.guarded(), (Words{"evaluated", "points"}));
  EXPECT_EQ(core::parent_renamed(parent, "budget", "new").limits[1].max.column, "new");
  EXPECT_EQ(core::parent_renamed(parent, "points", "new").limits[1].counter, "new");
}

TEST(Limits, ThatNoVersionWritesAreRefusedAsUnenforceable) {
  const std::vector<std::vector<std::string_view>> broken{
      {"key=a", "counter=c", "limit=c"},
      {"key=a", "counter=c", "limit=d", "max=m"},
      {"key=a", "counter=c", "max=m"},
      {"key=a", "counter=c", "limit=c", "max="},
      {"key=a", "counter=c", "limit=c", "max=m", "max=n"},
      {"key=a", "counter=c", "limit=c", "max=m", "max_is=1"},
  };
  for (std::size_t i = 0; i < broken.size(); ++i)
    EXPECT_EQ(caught([&] { kept(broken[i]); }).sqlstate(), "42R01") << "case " << i;
}

TEST(Limits, RefuseWhatMakesNoSense) {
  core::TallySpec tally = limited();
  tally.limits[0].counter = "other";
  EXPECT_EQ(refusal(tally), "22023 limit of \"other\", which is not one of the counters");
  tally = limited();
  tally.limits[0].max = tally.limits[0].min = {};
  EXPECT_EQ(refusal(tally), "22023 limit of \"points\" has neither max nor min");
  tally = limited();
  tally.limits[0].max.column = "points";
  EXPECT_EQ(refusal(tally), "22023 counter \"points\" cannot be limited by itself");
}

TEST(Limits, AreWeakerWhenTheyAreOthersOrGone) {
  core::TallySpec after = limited();
  EXPECT_TRUE(core::weakened(results(), after).empty());
  after.limits[0] = {"points", {"credit", ""}, {}};
  after.limits.pop_back();
  EXPECT_EQ(core::weakened(limited(), after),
            (Words{"max \"budget\" of \"points\" becomes \"credit\"", "min -10 of \"points\" is removed",
                   "max 100 of \"evaluated\" is removed"}));
}

TEST(Several, MakeTheSameContractInAnyOrder) {
  core::TallySpec second = assignments();
  second.completion.total = "expected";
  second.completion.total_of = "total";
  const core::ParentSpec none{{"id"}, {}, {}, {}};
  const Words expected{"key=id",         "counter=evaluated",    "counter=points",
                       "counter=total",  "total=total",          "total_of=evaluated",
                       "done=completed", "done_at=completed_at", "on_done=public.finish(integer)",
                       "total=expected", "total_of=total"};
  EXPECT_EQ(core::parent_arguments(core::with(core::with(none, complete()), second)), expected);
  EXPECT_EQ(core::parent_arguments(core::with(core::with(none, second), complete())), expected);
}

TEST(Several, GoOneByOne) {
  const core::ParentSpec both = core::with(runs(), assignments());
  EXPECT_EQ(core::parent_arguments(core::without(both, assignments())), core::parent_arguments(runs()));
  const core::ParentSpec rest = core::without(both, results());
  EXPECT_EQ(rest.counters, Words{"total"});
  EXPECT_TRUE(rest.completions.empty());
  EXPECT_EQ(rest.key, Words{"id"});
  EXPECT_TRUE(core::without(rest, assignments()).counters.empty());
}

TEST(Whole, HasTheCompletionThatTheParentKeepsForIt) {
  const core::ParentSpec both = core::with(runs(), assignments());
  EXPECT_EQ(core::whole(results(), both).completion.done, "completed");
  EXPECT_EQ(core::whole(assignments(), both).completion.total, "");
}

TEST(Weaker, IsNothingThatOnlyAdds) {
  core::TallySpec after = complete();
  after.counters.push_back({"wrong", false, "NOT correct"});
  after.completion.latch = true;
  after.completion.notify = true;
  EXPECT_TRUE(core::weakened(complete(), after).empty());
  EXPECT_TRUE(core::weakened(results(), complete()).empty());
  // In another order it is the same.
  std::reverse(after.counters.begin(), after.counters.end());
  EXPECT_TRUE(core::weakened(complete(), after).empty());
}

TEST(Weaker, NamesEverythingThatIsLost) {
  core::TallySpec before = complete();
  before.completion.latch = true;
  before.completion.notify = true;
  EXPECT_EQ(core::weakened(before, source({"via=run", "counter=evaluated", "count=correct"})),
            (Words{"counter \"evaluated\" counts something else", "counter \"points\" is removed",
                   "total \"total\" is removed", "total_of \"evaluated\" is removed", "done \"completed\" is removed",
                   "done_at \"completed_at\" is removed", "on_done \"public.finish(integer)\" is removed",
                   "latch is removed", "notify is removed"}));
}

TEST(Weaker, NamesWhatBecomesSomethingElse) {
  core::TallySpec after = complete();
  after.counters.back().sum = false;
  after.completion.total = "expected";
  after.completion.total_of = "points";
  after.completion.done = "finished";
  EXPECT_EQ(core::weakened(complete(), after),
            (Words{"counter \"points\" counts something else", "total \"total\" becomes \"expected\"",
                   "total_of \"evaluated\" becomes \"points\"", "done \"completed\" becomes \"finished\""}));
}

TEST(Rename, FollowsAColumnOfTheChildIntoTheForeignKeyAlone) {
  const core::TallySpec tally = source({"via=run", "via=part", "counter=run", "count=true"});
  EXPECT_EQ(core::child_arguments(core::child_renamed(tally, "run", "run_id")),
            (Words{"via=run_id", "via=part", "counter=run", "count=true"}));
}

TEST(Rename, FollowsAColumnOfTheParentInEveryRole) {
  EXPECT_EQ(core::child_arguments(core::parent_renamed(source({"via=c", "counter=c", "count=true"}), "c", "d")),
            (Words{"via=c", "counter=d", "count=true"}));
  const core::ParentSpec before = runs();
  const auto renamed = [&](const char *from) {
    return core::parent_arguments(core::parent_renamed(before, from, "new"));
  };
  EXPECT_EQ(renamed("id").front(), "key=new");
  EXPECT_EQ(renamed("evaluated"), (Words{"key=id", "counter=new", "counter=points", "total=total", "total_of=new",
                                         "done=completed", "done_at=completed_at", "on_done=public.finish(integer)"}));
  EXPECT_EQ(renamed("total")[3], "total=new");
  EXPECT_EQ(renamed("completed")[5], "done=new");
  EXPECT_EQ(renamed("completed_at")[6], "done_at=new");
  // A function is no column.
  EXPECT_EQ(renamed("public.finish(integer)"), core::parent_arguments(before));
}

}  // namespace
