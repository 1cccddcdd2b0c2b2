// The operator's commands of pg_ratchet, as an operator calls them.
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

// The command, running.
class running_command {
 public:
  running_command(const std::string &log, std::vector<std::string> arguments) : log_(log) {
    std::filesystem::remove(log_);
    arguments.insert(arguments.begin(), COMMAND);
    child_.start(arguments, log_, "");
  }

  int exit_code() {
    while (child_.running()) std::this_thread::sleep_for(std::chrono::milliseconds{5});
    return WEXITSTATUS(child_.exit_status());
  }

  int interrupt() {
    child_.end(SIGINT);
    return WEXITSTATUS(child_.exit_status());
  }

  // Interrupts it again and again, as an impatient user. What waitpid told, or -1 after ten seconds.
  int interrupt_until_it_ends() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (child_.running()) {
      if (std::chrono::steady_clock::now() > deadline) return -1;
      child_.signal(SIGINT);
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return child_.exit_status();
  }

  // What it has printed so far.
  std::string output() const {
    std::ifstream file{log_};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

 private:
  std::string log_;
  support::child_process child_;
};

// Somebody else's lock on a run.
class locked_run {
 public:
  locked_run(const std::string &dsn, int run) : connection_{dsn}, work_{connection_} {
    work_.exec("SELECT FROM runs WHERE id = " + std::to_string(run) + " FOR UPDATE");
  }
  void release() { work_.commit(); }

 private:
  pqxx::connection connection_;
  pqxx::work work_;
};

class command_test : public tally_test {
 protected:
  // Arguments first; the database is added.
  running_command start(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--dsn", dsn_});
    return {(server().directory() / "command.log").string(), std::move(arguments)};
  }

  int exit_code(const std::vector<std::string> &arguments, std::string *output = nullptr) {
    auto command = start(arguments);
    const int code = command.exit_code();
    if (output != nullptr) *output = command.output();
    return code;
  }

  std::string output(const std::vector<std::string> &arguments) {
    std::string text;
    exit_code(arguments, &text);
    return text;
  }

  // Polls until the question is answered with true. The test's timeout ends it if that never happens.
  void wait_until(const std::string &question) {
    while (ask(question) != "t") std::this_thread::yield();
  }

  void wait_until_it_waits_for_a_lock() {
    wait_until(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_ratchet'"
        " AND wait_event_type = 'Lock')");
  }

  // Counters of so many runs, all wrong.
  void spoil(int runs) {
    sql("INSERT INTO runs (id, total) SELECT i, 5 FROM generate_series(1001, " + std::to_string(1000 + runs) +
        ") i; INSERT INTO results SELECT id, 1, true, 1 FROM runs WHERE id > 1000");
    sql("SET session_replication_role = replica; UPDATE runs SET evaluated_count = 4711 WHERE id > 1000");
  }
};

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

// Without what statistics say, which this server has none of before PostgreSQL 17.
std::string first_line(const std::string &text) { return text.substr(0, text.find('\n') + 1); }

TEST_F(command_test, health_tells_what_to_do) {
  std::string text;
  EXPECT_EQ(exit_code({"health"}, &text), 0);
  EXPECT_EQ(first_line(text), "All contracts are enforced.\n");
  sql("ALTER TABLE scorecards DISABLE TRIGGER ALL");
  EXPECT_EQ(exit_code({"health"}, &text), 1);
  EXPECT_TRUE(contains(text, "error: scorecards\n")) << text;
  EXPECT_TRUE(contains(text, "What to do: ALTER TABLE public.scorecards ENABLE TRIGGER")) << text;
  const auto all = nlohmann::json::parse(output({"health", "--json"}));
  EXPECT_EQ(all.at("findings").at(0).at("severity"), "error");
  EXPECT_EQ(all.at("findings").at(0).at("target"), "scorecards");
}

TEST_F(command_test, health_tells_what_only_observes) {
  std::string text;
  const auto declare = [&](const std::string &arguments) {
    sql("SELECT ratchet.guard('scorecards', 'submitted_at', replace => true, " + arguments + ")");
  };
  const auto all = ask("SELECT count(*) FROM ratchet.contract");
  declare("mode => 'observe'");
  EXPECT_EQ(exit_code({"health"}, &text), 4);
  EXPECT_EQ(first_line(text), all + " contracts, 1 observing only: scorecards\n");
  EXPECT_EQ(exit_code({"health", "--json"}, &text), 4);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json.at("findings"), nlohmann::json::array());
  EXPECT_EQ(json.at("contracts").at("count").dump(), all);
  EXPECT_EQ(json.at("contracts").at("observing_only"), nlohmann::json::array({"scorecards"}));
  EXPECT_EQ(json.at("contracts").at("observing_in_part"), nlohmann::json::array());

  // What INSERT and DELETE are refused is no matter of modes.
  declare("mode => 'observe', delete => 'reject'");
  EXPECT_EQ(exit_code({"health"}, &text), 4);
  EXPECT_EQ(first_line(text), all + " contracts, 1 observing in part: scorecards\n");
  declare("once => '{comment}', mode => 'once=observe'");
  EXPECT_EQ(exit_code({"health"}, &text), 4);
  EXPECT_EQ(first_line(text), all + " contracts, 1 observing in part: scorecards\n");
  declare("once => '{comment}', mode => 'owned=observe, once=reject'");
  EXPECT_EQ(exit_code({"health"}, &text), 4);
  declare("once => '{comment}', mode => 'owned=reject'");
  EXPECT_EQ(exit_code({"health"}, &text), 0);

  // A finding is worse.
  declare("mode => 'observe'");
  sql("ALTER TABLE scorecards DISABLE TRIGGER ALL");
  EXPECT_EQ(exit_code({"health"}, &text), 1);
  EXPECT_TRUE(contains(text, "error: scorecards\n")) << text;
  EXPECT_TRUE(contains(text, "1 observing only: scorecards\n")) << text;
}

TEST_F(command_test, health_tells_that_there_is_nothing) {
  std::string text;
  sql("DROP SCHEMA public, \"Other\" CASCADE; CREATE SCHEMA public");
  EXPECT_EQ(exit_code({"health"}, &text), 5);
  EXPECT_EQ(text, "There are no contracts here.\n");
  sql("CREATE TABLE cards (id int PRIMARY KEY, submitted_at timestamptz)");
  sql("SELECT ratchet.guard('cards', 'submitted_at', mode => 'observe')");
  EXPECT_EQ(exit_code({"health"}, &text), 4);
  EXPECT_EQ(first_line(text), "1 contract, observing only: cards\n");
  sql("SELECT ratchet.guard('cards', 'submitted_at')");
  EXPECT_EQ(exit_code({"health"}, &text), 0);
}

TEST_F(command_test, describe_says_who_may_write) {
  std::string text;
  EXPECT_EQ(exit_code({"describe", "scorecards"}, &text), 0);
  EXPECT_TRUE(contains(text, "submitted_at: gate\n  ")) << text;
  const auto rules = nlohmann::json::parse(output({"describe", "runs", "--json"}));
  EXPECT_EQ(rules.at(0).at("policy"), "counter");
}

TEST_F(command_test, list_has_a_line_for_each_contract) {
  std::string text;
  EXPECT_EQ(exit_code({"list"}, &text), 0);
  EXPECT_TRUE(contains(text, "counts for runs: score_total, correct_count, evaluated_count\n")) << text;
  EXPECT_TRUE(contains(text, "scorecards            guard  keep    gate submitted_at, owned submission_source"))
      << text;
  EXPECT_FALSE(contains(text, "NOT ENFORCED")) << text;
  sql("ALTER TABLE scorecards DISABLE TRIGGER ALL");
  text = output({"list"});
  EXPECT_TRUE(contains(text, "NOT ENFORCED: trigger \"~ratchet_guard\"")) << text;
  const auto all = nlohmann::json::parse(output({"list", "--json"}));
  EXPECT_EQ(all.at(0).at("kind"), "guard");
  EXPECT_EQ(all.at(0).at("mode"), "reject");
}

TEST_F(command_test, doctor_grades) {
  std::string text;
  EXPECT_EQ(exit_code({"doctor"}, &text), 0);
  EXPECT_EQ(text, "Grade A. All contracts are enforced, and nothing is missing.\n");
  sql("CREATE TABLE seen (id int PRIMARY KEY, at timestamptz); SELECT ratchet.guard('seen', 'at', mode => 'observe')");
  const auto in_this_database = "ALTER ROLE postgres IN DATABASE " + dsn_.substr(dsn_.rfind('=') + 1);
  sql(in_this_database + " SET ratchet.kept_notice = off");
  EXPECT_EQ(exit_code({"doctor"}, &text), 0);
  EXPECT_TRUE(contains(text, "note: the guard of seen only observes")) << text;
  EXPECT_TRUE(contains(text, "note: nobody hears of what is kept: ratchet.kept_notice is off for role postgres"))
      << text;
  EXPECT_TRUE(contains(text, "Grade B.")) << text;
  sql("ALTER TABLE scorecards DISABLE TRIGGER ALL");
  EXPECT_EQ(exit_code({"doctor"}, &text), 1);
  EXPECT_TRUE(contains(text, "error: scorecards: trigger")) << text;
  EXPECT_TRUE(contains(text, "Grade F. A contract is not enforced.\n")) << text;
  EXPECT_EQ(nlohmann::json::parse(output({"doctor", "--json"})).at("grade"), "F");
}

TEST_F(command_test, verify_and_repair) {
  std::string text;
  EXPECT_EQ(exit_code({"verify"}, &text), 0);
  EXPECT_EQ(text, "No counter differs in the tallies of tables that you own.\n");
  EXPECT_EQ(output({"verify", "runs"}), "No counter differs.\n");
  spoil(250);
  EXPECT_EQ(exit_code({"verify", "runs"}, &text), 1);
  EXPECT_TRUE(contains(text, "runs {\"id\":1001}: evaluated_count is 4711, by results it should be 1\n")) << text;
  const auto drift = nlohmann::json::parse(output({"verify", "--json"}));
  EXPECT_EQ(drift.size(), 250U);
  EXPECT_EQ(drift.at(0).at("stored"), "4711");
  EXPECT_EQ(exit_code({"repair", "runs"}, &text), 0);
  EXPECT_TRUE(contains(text, "runs: 250 of 250 rows that differed were looked at, 250 repaired\n")) << text;
  EXPECT_EQ(exit_code({"verify"}), 0);
  sql("ALTER ROLE postgres IN DATABASE " + dsn_.substr(dsn_.rfind('=') + 1) +
      " SET default_transaction_isolation = 'serializable'");
  EXPECT_TRUE(contains(output({"repair"}), "Nothing to repair.\n"));
}

TEST_F(command_test, interrupted_repair_leaves_nothing_half_done_and_goes_on_later) {
  spoil(250);
  locked_run held{dsn_, 1250};
  auto repair = start({"repair", "runs"});
  wait_until_it_waits_for_a_lock();
  EXPECT_EQ(repair.interrupt(), 130);
  EXPECT_TRUE(contains(repair.output(), "What was repaired stays. Run it again for the rest.\n")) << repair.output();
  wait_until("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_ratchet')");
  held.release();
  EXPECT_EQ(
      ask("SELECT count(*) FILTER (WHERE evaluated_count = 1) || ' ' || count(*) FILTER (WHERE evaluated_count = 4711)"
          " FROM runs WHERE id > 1000"),
      "200 50");
  std::string text;
  EXPECT_EQ(exit_code({"repair", "runs"}, &text), 0);
  EXPECT_TRUE(contains(text, "50 of 50")) << text;
  EXPECT_EQ(exit_code({"verify"}), 0);
}

// Nobody answers a request to cancel meanwhile, but servers go on with what they are at.
class stopped_postmaster {
 public:
  stopped_postmaster() {
    std::ifstream{server().directory() / "data" / "postmaster.pid"} >> pid_;
    kill(pid_, SIGSTOP);
  }
  ~stopped_postmaster() { kill(pid_, SIGCONT); }
  stopped_postmaster(const stopped_postmaster &) = delete;
  stopped_postmaster &operator=(const stopped_postmaster &) = delete;

 private:
  pid_t pid_ = 0;
};

TEST_F(command_test, second_interrupt_does_not_wait_for_the_server) {
  spoil(1);
  locked_run held{dsn_, 1001};
  auto repair = start({"repair", "runs"});
  wait_until_it_waits_for_a_lock();
  const stopped_postmaster silence;
  const int status = repair.interrupt_until_it_ends();
  EXPECT_TRUE(WIFSIGNALED(status)) << status;
  EXPECT_EQ(WTERMSIG(status), SIGINT);
}

TEST_F(command_test, watch_ends_when_the_run_is_complete) {
  auto watch = start({"watch", "runs", "1", "--interval", "50ms"});
  wait_until(
      "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_ratchet' AND query ~ 'progress')");
  ASSERT_TRUE(run(batch("results").add(result(1, 1)).add(result(1, 2))));
  ASSERT_TRUE(run(batch("results").add(result(1, 3)).add(result(1, 4))));
  EXPECT_EQ(watch.exit_code(), 0);
  EXPECT_TRUE(contains(watch.output(), "100% 4/4")) << watch.output();
  EXPECT_TRUE(contains(watch.output(), "complete: ")) << watch.output();
  EXPECT_FALSE(contains(watch.output(), "\r")) << "no bar that moves without a terminal";
}

TEST_F(command_test, watch_hears_of_completion) {
  sql("SELECT ratchet.tally('results', 'runs', "
      "'{\"evaluated_count\": \"true\", \"correct_count\": \"is_correct\", \"score_total\": \"sum(score)\"}',"
      " total => 'total', done => 'is_completed', done_at => 'completed_at', on_done => 'complete(bigint)',"
      " notify => true, replace => true)");
  auto watch = start({"watch", "runs", "{\"id\": 1}", "--interval", "1h", "--json"});
  wait_until(
      "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_ratchet' AND query ~ 'progress'"
      " AND state = 'idle')");
  batch all("results");
  for (int q = 1; q <= 4; ++q) all.add(result(1, q));
  ASSERT_TRUE(run(all));
  EXPECT_EQ(watch.exit_code(), 0);
  const auto text = watch.output();
  const auto last = text.substr(text.rfind('\n', text.size() - 2) + 1);
  EXPECT_EQ(nlohmann::json::parse(last).at("complete"), true) << text;
}

TEST_F(command_test, watch_says_when_it_gives_up) {
  std::string text;
  EXPECT_EQ(exit_code({"watch", "runs", "1", "--timeout", "100ms", "--interval", "50ms"}, &text), 3);
  EXPECT_TRUE(contains(text, "not complete: ")) << text;
  EXPECT_EQ(exit_code({"watch", "runs", "4711"}, &text), 2);
  EXPECT_EQ(text, "pg_ratchet: there is no such row\n");
  auto watch = start({"watch", "runs", "1"});
  wait_until(
      "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'pg_ratchet' AND query ~ 'progress')");
  EXPECT_EQ(watch.interrupt(), 130);
}

TEST_F(command_test, watch_draws_a_bar_on_a_terminal) {
  sql("INSERT INTO results SELECT 1, q, true, 1 FROM generate_series(1, 3) q");
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    execl(COMMAND, COMMAND, "watch", "runs", "1", "--timeout", "200ms", "--interval", "50ms", "--dsn", dsn_.c_str(),
          static_cast<char *>(nullptr));
    _exit(127);
  }
  ASSERT_GT(child, 0);
  std::string seen;
  char buffer[4096];
  for (ssize_t size; (size = read(terminal, buffer, sizeof buffer)) > 0;)
    seen.append(buffer, static_cast<std::size_t>(size));
  close(terminal);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 3) << seen;
  EXPECT_TRUE(contains(seen, "\r[======")) << seen;
  EXPECT_TRUE(contains(seen, "75% 3/4")) << seen;
}

// Jobs, of which 1 to n are running and were alive that many hours ago.
class sweep_command_test : public command_test {
 protected:
  void make_jobs(int n) {
    sql("CREATE TABLE jobs (id int PRIMARY KEY, status text NOT NULL DEFAULT 'queued', note text, seen_at timestamptz);"
        "INSERT INTO jobs SELECT i, 'running', NULL, now() - i * interval '1 hour' FROM generate_series(1, " +
        std::to_string(n) +
        ") i; SELECT ratchet.guard('jobs', heartbeat => 'seen_at', states => '{\"status\": {\"queued\": [\"running\"],"
        " \"running\": [\"done\", \"failed\"], \"done\": [], \"failed\": []}}')");
  }
};

TEST_F(sweep_command_test, stuck_rows_are_moved_and_told) {
  make_jobs(3);
  std::string text;
  EXPECT_EQ(exit_code({"sweep", "--table", "jobs", "--older-than", "90 min", "--to", "failed", "--dry-run"}, &text), 1);
  EXPECT_EQ(text,
            "jobs 3: running, last sign of life 3 h ago\njobs 2: running, last sign of life 2 h ago\n"
            "2 stuck; nothing was moved.\n");
  EXPECT_EQ(ask("SELECT count(*) FROM jobs WHERE status = 'running'"), "3");
  EXPECT_EQ(exit_code({"sweep", "--table", "jobs", "--older-than", "90 min", "--to", "failed", "--set", "note=a=b",
                       "--limit", "1"},
                      &text),
            0);
  EXPECT_EQ(text, "jobs 3: running -> failed, last sign of life 3 h ago\n1 moved to failed.\n");
  EXPECT_EQ(ask("SELECT note FROM jobs WHERE status = 'failed'"), "a=b");
  const auto moved =
      nlohmann::json::parse(output({"sweep", "--table", "jobs", "--older-than", "90 min", "--to", "failed", "--json"}));
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].at("key"), "2");
  EXPECT_EQ(moved[0].at("was"), "running");
  EXPECT_EQ(moved[0].at("state"), "failed");
  EXPECT_GE(moved[0].at("age_seconds"), 7200);
  EXPECT_EQ(exit_code({"sweep", "--table", "jobs", "--older-than", "90 min", "--to", "failed"}, &text), 0);
  EXPECT_EQ(text, "Nothing to move.\n");
  EXPECT_EQ(exit_code({"sweep", "--table", "jobs", "--older-than", "90 min", "--to", "failed", "--dry-run"}, &text), 0);
  EXPECT_EQ(text, "Nothing is stuck.\n");
}

TEST_F(sweep_command_test, batches_are_moved_until_nothing_is_left_but_what_is_locked) {
  make_jobs(2500);
  sql("ALTER ROLE postgres IN DATABASE " + dsn_.substr(dsn_.rfind('=') + 1) +
      " SET default_transaction_isolation = 'serializable'");
  pqxx::connection connection{dsn_};
  pqxx::work worker{connection};
  worker.exec("SELECT FROM jobs WHERE id = 2000 FOR UPDATE");
  std::string text;
  EXPECT_EQ(exit_code({"sweep", "--table", "jobs", "--older-than", "30 min", "--to", "failed"}, &text), 0);
  EXPECT_TRUE(contains(text, "2499 moved to failed.\n")) << text.substr(text.size() - 200);
  EXPECT_EQ(ask("SELECT string_agg(id::text, ' ') FROM jobs WHERE status = 'running'"), "2000");
  EXPECT_EQ(ask("SELECT count(DISTINCT xmin::text) FROM jobs WHERE status = 'failed'"), "3");
}

TEST_F(sweep_command_test, errors_are_told) {
  make_jobs(1);
  std::string text;
  const auto code = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"sweep", "--table", "jobs"});
    return exit_code(more, &text);
  };
  EXPECT_EQ(code({"--older-than", "10", "--to", "failed"}), 2);
  EXPECT_TRUE(contains(text, "'10' is no time with a unit")) << text;
  EXPECT_EQ(code({"--older-than", "ten minutes", "--to", "failed"}), 2);
  EXPECT_TRUE(contains(text, "'ten minutes' is no time with a unit")) << text;
  EXPECT_EQ(code({"--older-than", "1 min", "--to", "gone"}), 2);
  EXPECT_TRUE(contains(text, "has no such state")) << text;
  EXPECT_EQ(code({"--older-than", "1 min", "--to", "failed", "--set", "note"}), 2);
  EXPECT_TRUE(contains(text, "'note' is not column=value")) << text;
  EXPECT_EQ(code({"--older-than", "1 min"}), 2);
  EXPECT_TRUE(contains(text, "--to is required")) << text;
  EXPECT_EQ(code({"--older-than", "1 min", "--to", "failed", "--limit", "0"}), 2);
  EXPECT_EQ(ask("SELECT status FROM jobs"), "running");
}

TEST_F(command_test, errors_are_told_in_words) {
  std::string text;
  EXPECT_EQ(output({"describe", "plain"}), "This table has no contract.\n");
  EXPECT_EQ(exit_code({"describe"}, &text), 2);
  EXPECT_EQ(exit_code({"verify", "nothing_there"}, &text), 2);
  EXPECT_TRUE(contains(text, "pg_ratchet: ERROR:  ")) << text;
  EXPECT_FALSE(contains(text, "$1")) << text;
  EXPECT_EQ(output({"describe", "nothing_there"}), "pg_ratchet: ERROR:  relation \"nothing_there\" does not exist\n");
  sql("DROP EXTENSION ratchet CASCADE");
  EXPECT_EQ(exit_code({"health"}, &text), 2);
  EXPECT_EQ(text, "pg_ratchet: this database has no extension ratchet: CREATE EXTENSION ratchet\n");
  dsn_ = "host=/nonexistent dbname=x";
  EXPECT_EQ(exit_code({"health"}, &text), 2);
}

}  // namespace
}  // namespace ratchet::test
