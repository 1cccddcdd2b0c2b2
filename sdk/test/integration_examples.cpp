// Every example runs as its header says, and prints what its comments promise.
#include <cstdio>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

class example_test : public server_test {
 protected:
  // What the program prints, with its exit status at the end.
  std::string printed_by(const std::string &name) {
    const auto command = std::string{EXAMPLES} + "/" + name + " '" + dsn_ + "' 2>&1";
    FILE *pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return "cannot be started";
    std::string text;
    char buffer[512];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
    return text + "exit " + std::to_string(pclose(pipe));
  }
};

// The lines stand in this order, others may stand in between.
void expect_lines(const std::string &text, std::initializer_list<std::string_view> lines) {
  std::size_t from = 0;
  for (const auto line : lines) {
    const auto at = text.find(line, from);
    ASSERT_NE(at, std::string::npos) << "no '" << line << "' where it should be in:\n" << text;
    from = at + line.size();
  }
}

TEST_F(example_test, scorecard_is_submitted_once) {
  EXPECT_EQ(printed_by("scorecard"),
            "201 submitted by user 7\n200 replayed by user 7\n409 already_submitted by user 7\n404 not_found\n"
            "400 argument\n200 updated, kept submitted_at\n1 x 201, 7 x 409\nexit 0");
  EXPECT_EQ(ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'scorecard_example'"), "0");
}

TEST_F(example_test, results_are_counted_and_completed_once) {
  expect_lines(printed_by("results"), {"1000 stored, 200 were there already, 1 completed\n", "\"correct_count\":750",
                                       "\"evaluated_count\":1000", "\"is_completed\":true", "exit 0"});
  EXPECT_EQ(ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'results_example'"), "0");
}

TEST_F(example_test, interview_has_its_prompt_or_none) {
  EXPECT_EQ(printed_by("interview"),
            "interview 1: advanced, ready, \"Tell me about yourself.\"\n"
            "interview 1: refused, ready\n"
            "interview 2: advanced, failed\n"
            "interview 2: advanced, ready, \"Tell me about yourself.\"\n"
            "interview 3: already_there, enhancing\n"
            "1 given up\n0 given up\n"
            "interview 3: advanced, ready, \"Tell me about yourself.\"\nexit 0");
  EXPECT_EQ(ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'interview_example'"), "0");
}

TEST_F(example_test, job_ends_once_and_stops_its_heartbeat) {
  const auto text = printed_by("job");
  expect_lines(text, {"ended: advanced, running -> done\n", "200\n",
                      "done, 100 %, fine\njob 2 swept: running -> queued\n"
                      "taken over: advanced\nasked again: replayed\nby another: stale\n"
                      "displaced, beats: stale\ndisplaced, ends: stale\nexit 0"});
  EXPECT_NE(text.find("the heartbeat has stopped\n"), std::string::npos) << text;
  EXPECT_EQ(ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'job_example'"), "0");
}

}  // namespace
}  // namespace ratchet::test
