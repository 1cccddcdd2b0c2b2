// Commands for `pg_ratchet race`: how they are split into words, run and ended.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <system_error>

#include "race/own/process.hpp"
#include "race/own/split_command.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::own {
namespace {

using namespace std::chrono_literals;
using words = std::vector<std::string>;

const std::atomic<bool> never{false};

process_result run(const words &command, std::chrono::milliseconds limit = 60s) {
  return run_process(command, {}, limit, never);
}

TEST(command, words_are_split_as_a_shell_does) {
  EXPECT_EQ(split_command("  curl -d '{\"a\": 1}'  \"x y\"z \\'q "), (words{"curl", "-d", "{\"a\": 1}", "x yz", "'q"}));
  EXPECT_EQ(split_command("a '' \"\\\"\\n\\\\\""), (words{"a", "", "\"\\n\\"}));
  EXPECT_EQ(split_command("echo $HOME | wc > x *"), (words{"echo", "$HOME", "|", "wc", ">", "x", "*"}));
}

TEST(command, faults_are_told) {
  for (const char *bad : {"", "   ", "echo 'x", "echo \"x", "echo \\"}) {
    EXPECT_THROW(split_command(bad), std::runtime_error) << bad;
  }
}

TEST(process, answers_what_it_printed_and_its_status) {
  const auto result = run({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(result.out, "out\n");
  EXPECT_EQ(result.err, "err\n");
  EXPECT_EQ(result.status, 3);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(run({"sh", "-c", "kill -9 $$"}).status, 128 + SIGKILL);
  EXPECT_EQ(run({"sh", "-c", "read line || echo nothing"}).out, "nothing\n");
}

TEST(process, environment_is_ours_with_what_is_added) {
  setenv("RATCHET_TEST_A", "ours", 1);
  setenv("RATCHET_TEST_B", "ours", 1);
  const auto result =
      run_process({"sh", "-c", "echo $RATCHET_TEST_A $RATCHET_TEST_B"}, {{"RATCHET_TEST_B", "added"}}, 60s, never);
  EXPECT_EQ(result.out, "ours added\n");
}

TEST(process, output_without_end_is_cut_at_its_beginning) {
  const auto result = run({"sh", "-c", "seq 1 100000"});
  EXPECT_LE(result.out.size(), 65536U);
  EXPECT_EQ(result.out.substr(result.out.size() - 7), "100000\n");
}

TEST(process, what_cannot_be_started_is_an_error) { EXPECT_THROW(run({"/nowhere/program"}), std::system_error); }

TEST(process, is_ended_when_its_time_is_over) {
  const auto result = run({"sleep", "600"}, 50ms);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.status, 128 + SIGTERM);
}

// Its child, which ignores SIGTERM, holds the other end of a FIFO as long as it lives.
TEST(process, is_ended_with_its_children_when_it_is_to_stop) {
  const std::string fifo = ::testing::TempDir() + "ratchet_process_test." + std::to_string(getpid());
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  std::atomic<bool> stop{false};
  const std::string child = "trap '' TERM; exec 3>" + fifo + "; sleep 600";
  auto running = std::async(std::launch::async, [&] {
    run_process({"sh", "-c", "sh -c \"$1\" & sleep 600", "sh", child}, {}, 600s, stop);
  });
  const int end = open(fifo.c_str(), O_RDONLY);
  stop = true;
  EXPECT_THROW(running.get(), interrupted);
  char buffer[1];
  EXPECT_EQ(read(end, buffer, 1), 0);
  close(end);
  unlink(fifo.c_str());
}

TEST(process, does_not_even_start_when_it_is_to_stop) {
  const std::atomic<bool> stop{true};
  EXPECT_THROW(run_process({"/nowhere/program"}, {}, 60s, stop), interrupted);
}

}  // namespace
}  // namespace ratchet::cli::own
