// What `pg_ratchet health` says of what contracts have had to do, on a server that keeps statistics and on one that
// does not.
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

using namespace std::chrono_literals;

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

constexpr const char *tables = R"sql(
CREATE EXTENSION ratchet;
CREATE TABLE scorecards (id int PRIMARY KEY, comment text, submitted_at timestamptz, submitted_by text);
SELECT ratchet.guard('scorecards', 'submitted_at', actor => 'submitted_by');
INSERT INTO scorecards (id) SELECT generate_series(1, 9);
)sql";

class database {
 public:
  database(const support::throwaway_server &server, const std::string &dsn) : server_(server), dsn_(dsn) {
    sql(tables);
  }

  void sql(const std::string &text, const std::string &application = "test") const {
    pqxx::connection connection{dsn_ + " options='-c client_min_messages=error' application_name='" + application +
                                "'"};
    pqxx::work tx{connection};
    tx.exec(text);
    tx.commit();
  }

  std::string ask(const std::string &query) const {
    pqxx::connection connection{dsn_};
    pqxx::nontransaction tx{connection};
    return tx.exec(query)[0][0].c_str();
  }

  std::string health(std::vector<std::string> arguments, int expected_code, const std::string &user = "") const {
    const auto log = (server_.directory() / "health.log").string();
    std::filesystem::remove(log);
    arguments.insert(arguments.begin(), {COMMAND, "health", "--dsn", dsn_ + (user.empty() ? "" : " user=" + user)});
    support::child_process child;
    child.start(arguments, log, "");
    while (child.running()) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(WEXITSTATUS(child.exit_status()), expected_code);
    std::ifstream file{log};
    return {std::istreambuf_iterator<char>{file}, {}};
  }

  nlohmann::json statistics() const { return nlohmann::json::parse(health({"--json"}, 0)).at("statistics"); }

 private:
  const support::throwaway_server &server_;
  std::string dsn_;
};

class health_test : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<support::throwaway_server>(support::server_options{false, 50, "ratchet"});
    server_->start();
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    static int count = 0;
    dsn_ = server_->create_database("health_" + std::to_string(++count));
    database_ = std::make_unique<database>(*server_, dsn_);
  }

  static std::unique_ptr<support::throwaway_server> server_;
  std::string dsn_;
  std::unique_ptr<database> database_;
};

std::unique_ptr<support::throwaway_server> health_test::server_;

TEST_F(health_test, says_that_there_was_nothing) {
  const auto text = database_->health({}, 0);
  EXPECT_TRUE(contains(text, "All contracts are enforced.\nSince ")) << text;
  EXPECT_TRUE(contains(text, " no stale save, no long wait and no limited call.\n")) << text;
  const auto statistics = database_->statistics();
  EXPECT_TRUE(statistics.at("stats_reset").is_string()) << statistics;
  for (const char *what : {"stale_saves", "long_waits", "limited"})
    EXPECT_EQ(statistics.at(what), nlohmann::json::array());
}

TEST_F(health_test, names_the_application_that_sends_stale_saves) {
  database_->sql("SELECT ratchet.submit('scorecards', i, 'ann'::text) FROM generate_series(1, 3) i");
  database_->sql("UPDATE scorecards SET submitted_at = NULL, comment = 'x' WHERE id <= 3", "old orm");
  database_->sql("UPDATE scorecards SET submitted_by = 'eve' WHERE id = 1", "a \"tool\"");
  // It is information: the contract is enforced, which the exit code says.
  const auto text = database_->health({}, 0);
  EXPECT_TRUE(contains(text, "  stale saves of scorecards, column submitted_at: 3 kept; the last by \"old orm\" at 2"))
      << text;
  EXPECT_TRUE(contains(text, "  stale saves of scorecards, column submitted_by: 1 kept; the last by ")) << text;
  const auto stale = database_->statistics().at("stale_saves");
  ASSERT_EQ(stale.size(), 2U) << stale;
  EXPECT_EQ(stale.at(0).at("table"), "scorecards");
  EXPECT_EQ(stale.at(0).at("column"), "submitted_at");
  EXPECT_EQ(stale.at(0).at("kept"), 3);
  EXPECT_EQ(stale.at(0).at("rejected"), 0);
  EXPECT_EQ(stale.at(0).at("application"), "old orm");
  database_->sql("SELECT ratchet.stat_reset('scorecards')");
  EXPECT_TRUE(contains(database_->health({}, 0), "no stale save")) << "since the reset there was none";
}

TEST_F(health_test, tells_of_them_beside_findings_and_observing) {
  database_->sql(
      "SELECT ratchet.guard('scorecards', 'submitted_at', actor => 'submitted_by', mode => 'observe',"
      " replace => true)");
  database_->sql("UPDATE scorecards SET submitted_at = now() WHERE id = 1");
  database_->sql("UPDATE scorecards SET submitted_at = NULL WHERE id = 1", "old orm");
  auto text = database_->health({}, 4);
  EXPECT_TRUE(contains(text, "observing only: scorecards\n")) << text;
  EXPECT_TRUE(contains(text, "column submitted_at: 1 observed; the last by \"old orm\"")) << text;
  database_->sql("ALTER TABLE scorecards DISABLE TRIGGER ALL");
  text = database_->health({}, 1);
  EXPECT_TRUE(contains(text, "error: scorecards\n")) << text;
  EXPECT_TRUE(contains(text, "column submitted_at: 1 observed")) << text;
}

TEST_F(health_test, keeps_applications_from_strangers) {
  database_->sql("SELECT ratchet.submit('scorecards', 1, 'ann'::text)");
  database_->sql("UPDATE scorecards SET submitted_at = NULL WHERE id = 1", "old orm");
  database_->sql("DROP ROLE IF EXISTS looker; CREATE ROLE looker LOGIN");
  const auto text = database_->health({}, 0, "looker");
  EXPECT_TRUE(contains(text, "column submitted_at: 1 kept; the last at 2")) << text;
  EXPECT_FALSE(contains(text, "old orm")) << text;
}

TEST_F(health_test, tells_of_limited_calls) {
  database_->sql(
      "SELECT ratchet.guard('scorecards', 'submitted_at', actor => 'submitted_by', rate_limit => '2 per day')");
  database_->sql("SELECT ratchet.submit('scorecards', i, 'ann'::text) FROM generate_series(1, 5) i");
  const auto text = database_->health({}, 0);
  EXPECT_TRUE(contains(text, "  submit() of scorecards: 3 calls beyond rate_limit\n")) << text;
  EXPECT_EQ(database_->statistics().at("limited"), (nlohmann::json{{{"table", "scorecards"}, {"calls", 3}}}));
}

TEST_F(health_test, tells_of_long_waits) {
  pqxx::connection connection{dsn_};
  auto holder = std::make_unique<pqxx::work>(connection);
  holder->exec("SELECT ratchet.submit('scorecards', 1, 'ann'::text)");
  std::thread loser{[&] { database_->sql("SELECT ratchet.submit('scorecards', 1, 'bob'::text)", "loser"); }};
  // A second is what counts as long. The lock manager measures from a moment after the query began.
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (database_->ask("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'loser'"
                        " AND wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '2 seconds')") !=
             "t" &&
         std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(10ms);
  holder->commit();
  loser.join();
  const auto text = database_->health({}, 0);
  EXPECT_TRUE(contains(text, "  writes of scorecards have waited 1 time, ")) << text;
  const auto waits = database_->statistics().at("long_waits");
  ASSERT_EQ(waits.size(), 1U) << waits;
  EXPECT_EQ(waits.at(0).at("waits"), 1);
  EXPECT_GT(waits.at(0).at("wait_time_max_ms"), 1000.0);
}

TEST(health_without_statistics, says_so) {
  support::throwaway_server server;
  server.start();
  const database plain{server, server.create_database("plain")};
  if (plain.ask("SELECT ratchet.stat_enabled()") == "t") GTEST_SKIP() << "this server keeps statistics anyway";
  EXPECT_EQ(plain.health({}, 0),
            "All contracts are enforced.\n"
            "No statistics are kept here: ratchet is not in shared_preload_libraries.\n");
  EXPECT_TRUE(plain.statistics().is_null());
}

}  // namespace
}  // namespace ratchet::test
