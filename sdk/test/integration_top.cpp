// `pg_ratchet top` on a real server, and on a terminal where it takes one.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

using namespace std::chrono_literals;

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

// The command on a terminal of its own, whose screen we keep as a terminal would.
class on_terminal {
 public:
  on_terminal(std::vector<std::string> arguments, unsigned short columns, unsigned short rows) {
    winsize size{rows, columns, 0, 0};
    arguments.insert(arguments.begin(), {COMMAND, "top"});
    std::vector<char *> words;
    for (auto &argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    child_ = forkpty(&terminal_, nullptr, nullptr, &size);
    if (child_ == 0) {
      setenv("TERM", "xterm", 1);
      unsetenv("NO_COLOR");
      execv(COMMAND, words.data());
      _exit(127);
    }
    tcgetattr(terminal_, &before_);
  }

  ~on_terminal() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    close(terminal_);
  }
  on_terminal(const on_terminal &) = delete;
  on_terminal &operator=(const on_terminal &) = delete;

  void press(const std::string &keys) {
    ASSERT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  void resize(unsigned short columns, unsigned short rows) {
    winsize size{rows, columns, 0, 0};
    lines_.clear();
    ASSERT_EQ(ioctl(terminal_, TIOCSWINSZ, &size), 0);
  }

  void signal(int number) { kill(child_, number); }

  // Whether that text comes to be on the screen.
  bool shows(const std::string &text) {
    return until([&] { return contains(screen(), text); });
  }
  // Whether something like it comes to be there, or has been, however shortly.
  bool has_shown(const std::string &pattern) {
    const std::regex looked_for{pattern};
    return until([&] { return std::regex_search(raw_, looked_for); });
  }
  bool shows_no(const std::string &text) {
    return until([&] { return !contains(screen(), text); });
  }

  std::string screen() const {
    std::string all;
    for (const auto &[row, text] : lines_) all += text + '\n';
    return all;
  }

  // Whether it stops, as by Ctrl-Z.
  bool stops() {
    return until([&] {
      int status = 0;
      return waitpid(child_, &status, WUNTRACED | WNOHANG) == child_ && WIFSTOPPED(status);
    });
  }

  // The exit code, once it has ended; -1 if it does not.
  int exit_code() {
    int status = 0;
    if (!until([&] { return ended_; })) return -1;
    waitpid(child_, &status, 0);
    child_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  // Whether the terminal is as it was before the program had it.
  bool is_restored() const {
    termios now{};
    tcgetattr(terminal_, &now);
    return now.c_lflag == before_.c_lflag && now.c_iflag == before_.c_iflag &&
           raw_.rfind("\033[?1049l") > raw_.rfind("\033[?1049h") && raw_.rfind("\033[?25h") > raw_.rfind("\033[?25l") &&
           raw_.rfind("\033[?7h") > raw_.rfind("\033[?7l");
  }

 private:
  template <typename Condition>
  bool until(const Condition &condition) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!condition()) {
      if (ended_ || std::chrono::steady_clock::now() > deadline) return false;
      pollfd watched{terminal_, POLLIN, 0};
      if (poll(&watched, 1, 100) <= 0) continue;
      char buffer[4096];
      const auto size = read(terminal_, buffer, sizeof buffer);
      if (size <= 0) {
        ended_ = true;
        continue;
      }
      raw_.append(buffer, static_cast<std::size_t>(size));
      interpret();
    }
    return true;
  }

  // Each line is sent as a whole: ESC [ row ; 1 H text ESC [ K, with styles in it.
  void interpret() {
    static const std::regex line{"\033\\[(\\d+);1H((?:[^\033]|\033\\[[0-9;]*m)*)\033\\[K"};
    static const std::regex style{"\033\\[[0-9;]*m"};
    std::size_t done = interpreted_;
    for (auto found = std::sregex_iterator{raw_.begin() + static_cast<std::ptrdiff_t>(interpreted_), raw_.end(), line};
         found != std::sregex_iterator{}; ++found) {
      lines_[std::stoi((*found)[1])] = std::regex_replace((*found)[2].str(), style, "");
      done = interpreted_ + static_cast<std::size_t>(found->position() + found->length());
    }
    interpreted_ = done;
  }

  pid_t child_ = 0;
  int terminal_ = -1;
  termios before_{};
  bool ended_ = false;
  std::string raw_;
  std::size_t interpreted_ = 0;
  std::map<int, std::string> lines_;
};

constexpr const char *tables = R"sql(
CREATE EXTENSION ratchet;
CREATE TABLE scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz, submitter_user_id bigint);
SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitter_user_id');
INSERT INTO scorecards SELECT i FROM generate_series(1, 10) i;
CREATE TABLE runs (id bigint PRIMARY KEY, total int, seen int NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false);
CREATE TABLE results (run_id bigint REFERENCES runs, q bigint);
SELECT ratchet.tally('results', 'runs', '{"seen": "true"}', total => 'total', done => 'done');
INSERT INTO runs SELECT i, 10 FROM generate_series(1, 9) i;
INSERT INTO results SELECT r, q FROM generate_series(1, 9) r, generate_series(1, r) q;
CREATE TABLE jobs (id int PRIMARY KEY, status text NOT NULL, seen_at timestamptz);
SELECT ratchet.guard('jobs', heartbeat => 'seen_at', states => '{"status": {"running": ["done"], "done": []}}');
INSERT INTO jobs VALUES (1, 'running', now() - interval '2 hours'), (2, 'running', now()), (3, 'done', '2000-01-01');
)sql";

// On a server that keeps statistics.
class top_test : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<support::throwaway_server>(support::server_options{false, 50, "ratchet"});
    server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    static int count = 0;
    dsn_ = server_->create_database("top_" + std::to_string(++count));
    sql(tables);
  }

  void sql(const std::string &text, const std::string &application = "test") {
    pqxx::connection connection{dsn_ + " options='-c client_min_messages=error' application_name='" + application +
                                "'"};
    pqxx::work tx{connection};
    tx.exec(text);
    tx.commit();
  }

  void save_stale(const std::string &application) {
    sql("SELECT ratchet.submit('scorecards', 1, 42)");
    sql("UPDATE scorecards SET comment = 'x', submitted_at = NULL WHERE id = 1", application);
  }

  // What it prints once.
  std::string printed(std::vector<std::string> arguments, int *code = nullptr) {
    const auto log = (server_->directory() / "top.log").string();
    std::filesystem::remove(log);
    arguments.insert(arguments.begin(), {COMMAND, "top", "--dsn", dsn_, "--once"});
    support::child_process child;
    child.start(arguments, log, "");
    while (child.running()) std::this_thread::sleep_for(5ms);
    if (code != nullptr) *code = WEXITSTATUS(child.exit_status());
    std::ifstream file{log};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  static std::unique_ptr<support::throwaway_server> server_;
  std::string dsn_;
};

std::unique_ptr<support::throwaway_server> top_test::server_;

TEST_F(top_test, answers_which_application_sends_stale_saves_to_which_column) {
  save_stale("old orm");
  const auto text = printed({"--view", "stale"});
  EXPECT_TRUE(std::regex_search(text, std::regex{"\nold orm +scorecards +submitted_at +1 +0 +0 "})) << text;
  EXPECT_FALSE(contains(text, "\033")) << "no terminal, no colors";
}

TEST_F(top_test, prints_everything_as_json) {
  save_stale("old orm");
  int code = -1;
  const auto all = nlohmann::json::parse(printed({"--json"}, &code));
  EXPECT_EQ(code, 0);
  EXPECT_EQ(all.at("statistics"), true);
  EXPECT_EQ(all.at("stale_saves").at(0).at("application"), "old orm");
  EXPECT_EQ(all.at("stuck").size(), 1U);
  EXPECT_EQ(all.at("stuck").at(0).at("key"), "1");
  EXPECT_EQ(all.at("runs").size(), 9U);
  EXPECT_EQ(all.at("runs").at(0).at("key"), "9");
  for (const auto &contract : all.at("contracts")) {
    if (contract.at("table") == "scorecards") {
      EXPECT_EQ(contract.at("statistics").at("submitted"), 1) << contract;
      EXPECT_EQ(contract.at("statistics").at("kept"), 1) << contract;
    }
    if (contract.at("kind") == "tally") {
      EXPECT_EQ(contract.at("statistics").at("counted"), 45) << contract;
    }
  }
  EXPECT_TRUE(all.at("notes").empty()) << all.at("notes");
}

TEST_F(top_test, views_are_chosen_by_keys) {
  save_stale("old orm");
  on_terminal top{{"--dsn", dsn_, "--interval", "200ms"}, 80, 24};
  EXPECT_TRUE(top.shows("3 contracts   health: no findings   1 stuck")) << top.screen();
  EXPECT_TRUE(top.shows("scorecards      on")) << top.screen();
  top.press("4");
  EXPECT_TRUE(top.shows("old orm")) << top.screen();
  top.press("3");
  EXPECT_TRUE(top.shows("jobs   1    running")) << top.screen();
  top.press("2");
  EXPECT_TRUE(top.shows("90.0%")) << top.screen();
  top.press("/40.0\r");
  EXPECT_TRUE(top.shows_no("90.0%")) << top.screen();
  EXPECT_TRUE(top.shows("40.0%")) << top.screen();
  top.press("\033");
  EXPECT_TRUE(top.shows("90.0%")) << top.screen();
  top.press("h");
  EXPECT_TRUE(top.shows("this help")) << top.screen();
  top.press("x");
  EXPECT_TRUE(top.shows_no("this help")) << top.screen();
  top.press("q");
  EXPECT_EQ(top.exit_code(), 0);
  EXPECT_TRUE(top.is_restored());
}

TEST_F(top_test, rates_follow_what_happens_and_pause_stops_them) {
  on_terminal top{{"--dsn", dsn_, "--interval", "100ms"}, 80, 24};
  EXPECT_TRUE(top.shows("writes 0 ")) << top.screen();
  sql("SELECT ratchet.submit('scorecards', i) FROM generate_series(1, 10) i");
  EXPECT_TRUE(top.has_shown("writes [1-9]")) << top.screen();
  EXPECT_TRUE(top.shows("writes 0 ")) << top.screen();
  top.press("p");
  EXPECT_TRUE(top.shows("paused")) << top.screen();
  top.press("t");
  EXPECT_TRUE(top.shows("writes 55 ")) << top.screen();
  sql("INSERT INTO results VALUES (1, 100)");
  top.press("p");
  EXPECT_TRUE(top.shows("writes 56 ")) << top.screen();
}

TEST_F(top_test, follows_the_size_of_the_terminal) {
  on_terminal top{{"--dsn", dsn_, "--interval", "60s"}, 80, 24};
  ASSERT_TRUE(top.shows("scorecards")) << top.screen();
  EXPECT_FALSE(contains(top.screen(), "MEDIAN"));
  top.resize(200, 12);
  EXPECT_TRUE(top.shows("MEDIAN")) << top.screen();
  top.resize(40, 8);
  EXPECT_TRUE(top.shows_no("MEDIAN")) << top.screen();
  EXPECT_TRUE(top.shows("1-2 of 4")) << top.screen();
}

TEST_F(top_test, can_be_stopped_and_continued) {
  on_terminal top{{"--dsn", dsn_, "--interval", "60s"}, 80, 24};
  ASSERT_TRUE(top.shows("scorecards")) << top.screen();
  top.press("\032");
  EXPECT_TRUE(top.stops()) << top.screen();
  EXPECT_TRUE(top.is_restored());
  top.signal(SIGCONT);
  top.press("2");
  EXPECT_TRUE(top.shows("90.0%")) << top.screen();
  top.press("q");
  EXPECT_EQ(top.exit_code(), 0);
}

TEST_F(top_test, gives_the_terminal_back_whatever_ends_it) {
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    on_terminal top{{"--dsn", dsn_, "--interval", "60s"}, 80, 24};
    ASSERT_TRUE(top.shows("scorecards")) << top.screen();
    top.signal(number);
    EXPECT_EQ(top.exit_code(), 130) << number;
    EXPECT_TRUE(top.is_restored()) << number;
  }
  on_terminal top{{"--dsn", dsn_, "--interval", "60s"}, 80, 24};
  ASSERT_TRUE(top.shows("scorecards")) << top.screen();
  top.press("\003");
  EXPECT_EQ(top.exit_code(), 130) << "Ctrl-C";
  EXPECT_TRUE(top.is_restored());
}

TEST_F(top_test, connects_again_and_says_so) {
  on_terminal top{{"--dsn", dsn_, "--interval", "200ms"}, 80, 24};
  ASSERT_TRUE(top.shows("scorecards")) << top.screen();
  server_->restart();
  EXPECT_TRUE(top.shows("No answer, trying again: ")) << top.screen();
  EXPECT_TRUE(top.shows("scorecards")) << "what was seen last stays";
  EXPECT_TRUE(top.shows_no("No answer")) << top.screen();
  sql("ALTER TABLE scorecards DISABLE TRIGGER ALL");
  EXPECT_TRUE(top.shows("OFF")) << "it goes on reading: " << top.screen();
  top.press("q");
  EXPECT_EQ(top.exit_code(), 0);
}

TEST_F(top_test, waits_for_no_lock_and_shows_the_rest) {
  pqxx::connection connection{dsn_};
  pqxx::work migration{connection};
  migration.exec("ALTER TABLE runs ADD COLUMN remark text");
  const auto all = nlohmann::json::parse(printed({"--json"}));
  EXPECT_EQ(all.at("runs").size(), 0U);
  EXPECT_EQ(all.at("stuck").size(), 1U);
  EXPECT_TRUE(contains(all.at("notes").dump(), "results: is locked")) << all.at("notes");
  const auto &contracts = all.at("contracts");
  EXPECT_EQ(contracts.size(), 3U) << contracts;
  for (const auto &contract : contracts) EXPECT_FALSE(contract.at("statistics").is_null()) << contract;
}

TEST_F(top_test, reads_no_more_than_the_newest_rows_of_a_table_that_is_expensive) {
  sql("ALTER DATABASE " + dsn_.substr(dsn_.rfind('=') + 1) + " SET seq_page_cost = 1000000");
  const auto all = nlohmann::json::parse(printed({"--json"}));
  EXPECT_TRUE(contains(all.at("notes").dump(), "with the largest keys were read")) << all.at("notes");
  EXPECT_EQ(all.at("runs").at(0).at("key"), "9");
}

TEST_F(top_test, needs_no_right_on_tables) {
  sql("DROP ROLE IF EXISTS looker; CREATE ROLE looker LOGIN");
  dsn_ += " user=looker";
  const auto all = nlohmann::json::parse(printed({"--json"}));
  EXPECT_EQ(all.at("contracts").size(), 4U);
  EXPECT_EQ(all.at("runs").size(), 0U);
  EXPECT_TRUE(contains(all.at("notes").dump(), "runs: you have no right to read it")) << all.at("notes");
  EXPECT_TRUE(contains(all.at("notes").dump(), "jobs: you have no right to read it")) << all.at("notes");
}

TEST_F(top_test, hostile_names_stay_in_their_cells) {
  sql(R"sql(SET standard_conforming_strings = on;
CREATE TABLE "a%n'" (id text PRIMARY KEY, at timestamptz, seen int NOT NULL DEFAULT 0, "to""t'al" int);
CREATE TABLE u&"\001b[2J\000a\202e\65e5\672c" (id text REFERENCES "a%n'");
SELECT ratchet.tally(u&'"\001b[2J\000a\202e\65e5\672c"', '"a%n''"', '{"seen": "true"}', total => 'to"t''al');
)sql"
      R"sql(INSERT INTO "a%n'" VALUES (E'key\n\t\x1b[31m', NULL, 0, 5))sql");
  const auto text = printed({"--view", "runs"});
  EXPECT_TRUE(contains(text, "key\\x0a\\x09\\x1b[31m")) << text;
  EXPECT_FALSE(contains(text, "\033")) << text;
  const auto contracts = printed({});
  EXPECT_TRUE(contains(contracts, "\\x1b[2J\\x0a\\u202e")) << contracts;
  EXPECT_FALSE(contains(contracts, "\033")) << contracts;
}

TEST(top_without_statistics, shows_what_there_is) {
  support::throwaway_server server;
  server.start();
  const auto dsn = server.create_database("plain");
  pqxx::connection connection{dsn};
  pqxx::nontransaction tx{connection};
  tx.exec(tables);
  if (tx.exec("SELECT ratchet.stat_enabled()")[0][0].as<bool>()) GTEST_SKIP() << "this server keeps statistics anyway";
  on_terminal top{{"--dsn", dsn}, 80, 24};
  EXPECT_TRUE(top.shows("No statistics: add ratchet to shared_preload_libraries")) << top.screen();
  top.press("2");
  EXPECT_TRUE(top.shows("90.0%")) << top.screen();
  top.press("q");
  EXPECT_EQ(top.exit_code(), 0);
}

}  // namespace
}  // namespace ratchet::test
