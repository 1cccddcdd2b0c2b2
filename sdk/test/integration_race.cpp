// The command pg_ratchet race with own scripts, as docs/guide/race.md tells it: what it finds, what it keeps, what it
// says, and what it leaves behind.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

struct outcome {
  int status = 0;
  std::string out;  // standard output and error
};

class race_test : public server_test {
 protected:
  void SetUp() override {
    server_test::SetUp();
    sql("DROP TABLE scorecards CASCADE");  // the scripts bring their own
    std::string name = ::testing::TempDir() + "ratchet_race_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // Runs the command; a shell reads the arguments.
  outcome race(const std::string &arguments, const std::string &kind = "own") const {
    const auto command = "exec " PG_RATCHET " race " + kind + " " + arguments + " 2>&1";
    FILE *pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return {-1, "cannot be started"};
    outcome result;
    char buffer[512];
    while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) result.out += buffer;
    result.status = WEXITSTATUS(pclose(pipe));
    return result;
  }

  std::string dsn() const { return " --dsn '" + dsn_ + "' "; }

  // The scripts of the documentation.
  static std::string example(const std::string &step) {
    return " --" + step + " " RACE_EXAMPLES "/" + (step == "setup" ? "tables" : step) + ".sql ";
  }
  std::string examples() const {
    return dsn() + example("create") + example("update") + example("submit") + example("check") + example("cleanup");
  }

  // A script of the test; answers its path.
  std::string script(const std::string &name, const std::string &text) const {
    std::ofstream{directory_ / name} << text;
    return directory_ / name;
  }

  std::filesystem::path directory_;
};

constexpr const char *contract = "SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitted_by')";

TEST_F(race_test, finds_lost_submissions_and_keeps_their_rows_until_the_table_is_guarded) {
  const auto rounds = examples() + "--writers 3 --think 5ms -n 40 --keep-failed --json";
  const auto naive = race(example("setup") + rounds);
  EXPECT_EQ(naive.status, 1) << naive.out;
  const auto found = nlohmann::json::parse(naive.out);
  EXPECT_GT(found.at("lost"), 0);
  EXPECT_FALSE(found.at("ok").get<bool>());
  EXPECT_EQ(found.at("submits").at("succeeded"), 40);
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards"), std::to_string(found.at("lost").get<int>()));
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards WHERE submitted_at IS NOT NULL"), "0");
  for (const auto &failure : found.at("failures")) {
    EXPECT_EQ(ask("SELECT count(*) FROM scorecards WHERE id = " + failure.at("key").get<std::string>()), "1");
  }

  sql("DELETE FROM scorecards");
  sql(contract);
  const auto guarded = race(rounds);
  EXPECT_EQ(guarded.status, 0) << guarded.out;
  EXPECT_EQ(nlohmann::json::parse(guarded.out).at("lost"), 0);
  EXPECT_EQ(nlohmann::json::parse(guarded.out).at("updates").at("succeeded"), 120);
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards"), "0");
}

TEST_F(race_test, several_submitters_have_one_winner) {
  race(example("setup") + examples() + "-n 1");
  sql(contract);
  const auto result = race(examples() + "--submitters 4 -n 10 --think 2ms --jitter 1ms --json");
  EXPECT_EQ(result.status, 0) << result.out;
  const auto submits = nlohmann::json::parse(result.out).at("submits");
  EXPECT_EQ(submits.at("succeeded"), 10);
  EXPECT_EQ(submits.at("refused"), 30);
}

TEST_F(race_test, throwaway_server_has_what_the_setup_creates) {
  const std::string scripts = example("create") + example("update") + example("submit") + example("check");
  const auto result = race("--setup " RACE_EXAMPLES "/guarded_tables.sql" + scripts + "-n 5 --think 2ms");
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_EQ(result.out.find("is left"), std::string::npos) << result.out;
  const auto kept = race(example("setup") + scripts + "--keep-failed");
  EXPECT_EQ(kept.status, 2);
  EXPECT_NE(kept.out.find("--keep-failed needs a database that stays"), std::string::npos) << kept.out;
}

TEST_F(race_test, network_delay_is_in_every_answer) {
  const auto result = race(example("setup") + examples() + "-n 1 --think 0ms --delay 20ms --json");
  const auto told = nlohmann::json::parse(result.out);
  EXPECT_EQ(told.at("delay_ms"), 20);
  EXPECT_EQ(race("--rounds 2 --writers 2 --delay 1ms --variant submit" + dsn(), "gate").status, 0);
  EXPECT_EQ(race("--rounds 2 --delay 1ms --variant tally" + dsn(), "counters").status, 0);
  const auto gate = race("--rounds 9 --variant none --think 0ms --writers 4 --delay 20ms --json" + dsn(), "gate");
  const auto gate_told = nlohmann::json::parse(gate.out);
  const auto &timeline = gate_told.at("variants").at(0).at("timeline");
  EXPECT_FALSE(timeline.empty());
  for (const auto &event : timeline) {
    EXPECT_GE(event.at("ms"), 20) << gate.out;
  }
}

TEST_F(race_test, fault_in_a_script_is_told_with_its_place) {
  const auto bad = script("bad.sql", "SELECT 1;\nUPDATE scorecards\nSET commnt = 'x';\n");
  const auto result =
      race(example("setup") + dsn() + example("create") + example("submit") + example("check") + "--update " + bad);
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.out.find("bad.sql:2: ERROR:  column \"commnt\" of relation \"scorecards\" does not exist\n"
                            "  UPDATE scorecards SET commnt = 'x'\n"),
            std::string::npos)
      << result.out;
}

// Whose transaction would block the cleanup otherwise, until the time limit fails it.
TEST_F(race_test, fault_inside_a_transaction_leaves_no_row) {
  const auto bad =
      script("bad.sql", "BEGIN; UPDATE scorecards SET comment = 'x' WHERE id = :id; SELECT :none; COMMIT;");
  const auto result = race(example("setup") + dsn() + example("create") + example("submit") + example("check") +
                           example("cleanup") + "--update " + bad);
  EXPECT_EQ(result.status, 2);
  EXPECT_EQ(result.out.find("--cleanup failed"), std::string::npos) << result.out;
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards"), "0");
}

TEST_F(race_test, variable_that_is_none_is_told_with_its_place) {
  const auto bad = script("bad.sql", "\nSELECT :idd;");
  const auto result =
      race(example("setup") + dsn() + example("create") + example("submit") + example("check") + "--update " + bad);
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.out.find("bad.sql:2: there is no variable 'idd', but: id, key, round, think_ms, writer"),
            std::string::npos)
      << result.out;
}

TEST_F(race_test, transaction_that_is_left_open_is_told) {
  const auto bad = script("bad.sql", "BEGIN; UPDATE scorecards SET comment = 'x' WHERE id = :id;");
  const auto result =
      race(example("setup") + dsn() + example("create") + example("submit") + example("check") + "--update " + bad);
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.out.find("bad.sql: leaves a transaction open"), std::string::npos) << result.out;
}

TEST_F(race_test, error_of_the_server_is_a_refusal_and_ends_the_transaction) {
  const auto failing =
      script("failing.sql", "BEGIN; UPDATE scorecards SET comment = 'x' WHERE id = :id; SELECT 1 / 0; COMMIT;");
  const auto result = race(example("setup") + dsn() + example("create") + example("submit") + example("check") +
                           "--update " + failing + " -n 3 --json");
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_EQ(nlohmann::json::parse(result.out).at("updates").at("refused"), 3);
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards WHERE comment = 'x'"), "0");
}

TEST_F(race_test, race_in_which_nobody_submits_proves_nothing) {
  const auto refused = script("refused.sql", "SELECT false AS submitted, 'closed on Sundays' AS why;");
  const auto result = race(example("setup") + dsn() + example("create") + example("update") + example("check") +
                           "--submit " + refused + " -n 2");
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.out.find("no submit succeeded in any round"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("closed on Sundays"), std::string::npos) << result.out;
}

TEST_F(race_test, check_is_asked_again_until_it_is_satisfied) {
  const auto calls = (directory_ / "calls").string();
  const auto result =
      race("--create-cmd 'echo 7' --update-cmd true --submit-cmd true -n 1 --wait 10min --check-cmd 'sh -c \"echo >> " +
           calls + "; test $(wc -l < " + calls + ") -ge 3\"'");
  EXPECT_EQ(result.status, 0) << result.out;
}

TEST_F(race_test, commands_have_the_key_in_their_words_and_in_their_environment) {
  const auto result = race(
      "--create-cmd 'printf \"created\\n7 up\\n\"' --update-cmd true --submit-cmd 'test {key}/$RATCHET_KEY != x' -n 2"
      " --check-cmd 'sh -c \"echo {key}:$RATCHET_KEY:$RATCHET_ROUND:$RATCHET_SUBMITTED; exit 3\"' --json");
  EXPECT_EQ(result.status, 1) << result.out;
  const auto failures = nlohmann::json::parse(result.out).at("failures");
  EXPECT_EQ(failures.at(0).at("key"), "7 up");
  EXPECT_EQ(failures.at(1).at("complaint"), "exit status 3: 7 up:7 up:2:1");
}

TEST_F(race_test, commands_find_the_throwaway_server) {
  const auto tables = script("tables.sql", "CREATE TABLE t (id int);");
  const auto result = race("--setup " + tables +
                           " --create-cmd 'echo 7' --update-cmd true --submit-cmd true -n 1 --check-cmd"
                           " 'sh -c \"echo $PGHOST $PGPORT $PGUSER $PGDATABASE; exit 1\"' --json");
  const auto complaint = nlohmann::json::parse(result.out).at("failures").at(0).at("complaint").get<std::string>();
  EXPECT_NE(complaint.find(" 5432 postgres race"), std::string::npos) << complaint;
}

TEST_F(race_test, usage_is_checked) {
  EXPECT_NE(race("--update x.sql").out.find("own scripts need --create, --submit and --check"), std::string::npos);
  EXPECT_NE(race("--create-cmd a --submit-cmd a --check-cmd a").out.find("nobody to race with"), std::string::npos);
  EXPECT_NE(race("--create-cmd a", "counters").out.find("not expected"), std::string::npos);
  EXPECT_NE(race("--keep", "gate").out.find("--keep needs a database that stays"), std::string::npos);
  const auto page =
      race("--create-cmd 'echo 7' --submit-cmd true --check-cmd true --submitters 2 -n 1 --report /nowhere/x");
  EXPECT_EQ(page.status, 2);
  EXPECT_EQ(page.out.find("submitted"), std::string::npos)
      << "before the first round: " << page.out;  // the result is not lost for that
  EXPECT_NE(page.out.find("cannot write /nowhere/x"), std::string::npos) << page.out;
  EXPECT_NE(race("--create a --create-cmd a").out.find("excludes"), std::string::npos);
  for (const char *wrong :
       {"--wait 3", "--submitters 0", "--create-cmd a --submit-cmd a --check-cmd a --update-cmd \"'x\""}) {
    EXPECT_EQ(race(wrong).status, 2) << wrong;
  }
}

// Ctrl-C while a command runs: the command says through a FIFO that it does.
TEST_F(race_test, interrupt_ends_commands_and_removes_the_row) {
  race(example("setup") + examples() + "-n 1");
  const auto fifo = (directory_ / "fifo").string();
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::string create = RACE_EXAMPLES "/create.sql", check = RACE_EXAMPLES "/check.sql",
                    cleanup = RACE_EXAMPLES "/cleanup.sql", update = "sh -c 'exec 3>" + fifo + "; sleep 600'";
  const pid_t child = fork();
  if (child == 0) {
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execl(PG_RATCHET, PG_RATCHET, "race", "own", "--dsn", dsn_.c_str(), "--create", create.c_str(), "--update-cmd",
          update.c_str(), "--submit-cmd", "sleep 600", "--check", check.c_str(), "--cleanup", cleanup.c_str(),
          "--limit", "10min", static_cast<char *>(nullptr));
    _exit(127);
  }
  const int end = open(fifo.c_str(), O_RDONLY);
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards"), "1");
  kill(child, SIGINT);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 130);
  char buffer[1];
  EXPECT_EQ(read(end, buffer, 1), 0);  // nobody of the command's group is left
  close(end);
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards"), "0");
}

}  // namespace
}  // namespace ratchet::test
