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

// The lines have their notices in between, which libpqxx prints.
void expect_lines(const std::string &text, std::initializer_list<std::string_view> lines) {
  std::size_t from = 0;
  for (const auto &line : lines) {
    const auto at = text.find(line, from);
    ASSERT_NE(at, std::string::npos) << "no '" << line << "' where it should be in:\n" << text;
    from = at + line.size();
  }
}

TEST_F(example_test, scorecard_is_submitted_once) {
  sql("DROP TABLE scorecards CASCADE");  // it brings its own
  expect_lines(
      printed_by("scorecard"),
      {"user 7 submits: submitted\n201\n", "replayed\n200\n", "already_submitted, by user 7\n409\n",
       "'ready', submitted true\n", "'typo corrected', submitted true\n", "updated, kept: submitted_at\n", "exit 0"});
}

TEST_F(example_test, results_are_counted) {
  expect_lines(
      printed_by("results"),
      {"stored, 2 new; run 1: 2 of 4\n201\n", "partial, 1 new, question 2 is a duplicate; run 1: 3 of 4\n207\n",
       "duplicates, 0 new", "\n409\n", "4 of 4, completed\n201\n", "\"evaluated_count\":4", "exit 0"});
}

TEST_F(example_test, job_ends_once_and_stops_its_heartbeat) {
  const auto text = printed_by("job");
  expect_lines(text, {"ended: advanced, running -> done\n", "200\n", "done, 100 %, fine\n", "exit 0"});
  EXPECT_NE(text.find("the heartbeat has stopped\n"), std::string::npos) << text;
  EXPECT_EQ(ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'job_example'"), "0");
}

}  // namespace
}  // namespace ratchet::test
