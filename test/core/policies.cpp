// The core lane, without a server: modes and state graphs.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/graph.h"
#include "core/modes.h"

namespace {

namespace core = ratchet::core;
using core::Mode;
using core::Policy;

const std::vector<Policy> all{Policy::owned,  Policy::once,  Policy::frozen, Policy::forward,
                              Policy::states, Policy::fence, Policy::version};

template <typename Body>
core::error caught(Body body) {
  try {
    body();
  } catch (const core::error &error) {
    return error;
  }
  return core::error("00000", "nothing was thrown");
}

std::vector<core::Graph> graphs(const std::vector<std::string> &arguments) {
  std::vector<core::Graph> found;
  for (const std::string &argument : arguments) {
    const auto equals = argument.find('=');
    EXPECT_TRUE(core::take_graph_argument(found, argument.substr(0, equals), argument.substr(equals + 1)));
  }
  core::settle(found);
  return found;
}

TEST(Modes, HaveDefaultsThatDifferByPolicy) {
  const core::Modes modes;
  EXPECT_EQ(modes.owned, Mode::keep);
  EXPECT_EQ(modes.transition, Mode::reject);
  EXPECT_EQ(modes.terminal, Mode::keep);
  EXPECT_EQ(modes.fence, Mode::reject);
  EXPECT_EQ(modes.version, Mode::reject);
}

TEST(Modes, AreOneWordOrAList) {
  const core::Modes observed = core::parse_modes("observe", all);
  for (const Mode mode : {observed.owned, observed.once, observed.frozen, observed.forward, observed.transition,
                          observed.terminal, observed.fence, observed.version})
    EXPECT_EQ(mode, Mode::observe);
  const core::Modes listed = core::parse_modes(" owned = reject , states=observe", all);
  EXPECT_EQ(listed.owned, Mode::reject);
  EXPECT_EQ(listed.once, Mode::keep);
  EXPECT_EQ(listed.transition, Mode::observe);
  EXPECT_EQ(listed.terminal, Mode::observe);
  EXPECT_EQ(listed.version, Mode::reject);
}

TEST(Modes, RefuseWhatTheyWouldOtherwiseIgnore) {
  for (const char *mode :
       {"", "kep", "forward=keep", "owned=keep,owned=reject", "keep, reject", "owned=", "keep,", "transition=keep"})
    EXPECT_EQ(caught([&] { core::parse_modes(mode, {Policy::owned, Policy::states}); }).sqlstate(), "22023") << mode;
}

TEST(Modes, AreReadBackAsTheyWereWritten) {
  for (const char *text :
       {"keep", "reject", "observe", "once=reject, forward=observe", "states=keep", "fence=keep", "version=keep"})
    EXPECT_EQ(core::text_of(core::parse_modes(text, all), all), text);
  EXPECT_EQ(core::text_of(core::Modes{}, all), "");
  EXPECT_EQ(core::text_of(core::Modes{}, {Policy::owned, Policy::once}), "keep");
  EXPECT_EQ(core::text_of(core::Modes{}, {Policy::version}), "reject");
  EXPECT_EQ(core::text_of(core::Modes{}, {Policy::states}), "");
}

TEST(Modes, ThatAreWeakerAreNamed) {
  const core::Modes before = core::parse_modes("reject", all);
  const core::Modes after = core::parse_modes("once=observe", all);
  EXPECT_EQ(core::weakened(before, after, {Policy::once, Policy::states}),
            (std::vector<std::string>{"mode of once reject becomes observe",
                                      "mode of states (terminal) reject becomes keep"}));
  EXPECT_TRUE(core::weakened(after, before, all).empty());
}

TEST(Graphs, ComeInOneOrderWithoutRepetitions) {
  std::vector<std::string> arguments;
  core::append_arguments(arguments,
                         graphs({"state=b", "from=y", "to=y", "to=x", "to=x", "from=x", "state=a", "from=1"}));
  EXPECT_EQ(arguments, (std::vector<std::string>{"state=a", "from=1", "state=b", "from=x", "from=y", "to=x"}));
}

TEST(Graphs, NeedEveryStateAsAKey) {
  EXPECT_STREQ(caught([] {
                 graphs({"state=s", "from=a", "to=b"});
               }).what(),
               "state \"b\" of column \"s\" is not a key of its graph");
  EXPECT_EQ(caught([] { graphs({"state=s"}); }).sqlstate(), "22023");
  EXPECT_EQ(caught([] { graphs({"state=s", "from=a", "from=a"}); }).sqlstate(), "22023");
}

TEST(Graphs, RefuseArgumentsOutOfOrder) {
  std::vector<core::Graph> found;
  EXPECT_EQ(caught([&] { core::take_graph_argument(found, "from", "a"); }).sqlstate(), "42R01");
  EXPECT_EQ(caught([&] { core::take_graph_argument(found, "to", "a"); }).sqlstate(), "42R01");
  EXPECT_FALSE(core::take_graph_argument(found, "gate", "a"));
  EXPECT_TRUE(core::take_graph_argument(found, "state", "s"));
  EXPECT_EQ(caught([&] { core::take_graph_argument(found, "to", "a"); }).sqlstate(), "42R01");
}

TEST(Graphs, AreWeakerWithMoreMovesOrFewerStates) {
  const auto before = graphs({"state=s", "from=a", "to=b", "from=b", "from=c"});
  EXPECT_TRUE(core::weakened(before, graphs({"state=s", "from=a", "from=b", "from=c", "from=d", "to=a"})).empty());
  EXPECT_EQ(core::weakened(before, graphs({"state=s", "from=a", "to=b", "from=b", "to=a"})),
            (std::vector<std::string>{"\"s\" may go from \"b\" to \"a\"", "state \"c\" of \"s\" is removed"}));
  EXPECT_EQ(core::weakened(before, {}), std::vector<std::string>{"states of \"s\" are removed"});
}

}  // namespace
