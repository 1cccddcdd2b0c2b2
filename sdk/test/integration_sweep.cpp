#include <chrono>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class sweep_test : public job_test {
 protected:
  // Job n is running and was alive n hours ago, for 1 to 6; the others are queued, never seen alive.
  void SetUp() override {
    job_test::SetUp();
    sql("BEGIN; CALL ratchet.suspend('jobs', 'test');"
        "UPDATE jobs SET status = 'running', alive_at = now() - id * interval '1 hour' WHERE id < 7; COMMIT");
  }

  static std::string keys(const std::vector<swept_row> &rows) {
    std::string text;
    for (const auto &row : rows) text += row.key + ' ';
    return text;
  }

  std::string sqlstate(const sweep &call) {
    try {
      (void)run(call);
    } catch (const error &e) {
      return e.sqlstate();
    }
    return "none";
  }
};

TEST_F(sweep_test, stuck_rows_are_moved_oldest_first_and_told) {
  const auto seen = ask("SELECT (EXTRACT(epoch FROM alive_at) * 1000000)::bigint FROM jobs WHERE id = 6");
  const auto rows = run(sweep("jobs", minutes{270}, "failed").set("result", "lost"));
  EXPECT_EQ(keys(rows), "6 5 ");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].was, "running");
  EXPECT_EQ(rows[0].state, "failed");
  ASSERT_TRUE(rows[0].since);
  EXPECT_EQ(std::to_string(rows[0].since->time_since_epoch().count()), seen);
  ASSERT_TRUE(rows[0].age);
  EXPECT_GE(*rows[0].age, hours{6});
  EXPECT_LT(*rows[0].age, hours{6} + minutes{5});
  EXPECT_EQ(ask("SELECT string_agg(concat_ws(' ', id, result), ', ' ORDER BY id) FROM jobs WHERE status = 'failed'"),
            "5 lost, 6 lost");
  EXPECT_TRUE(run(sweep("jobs", minutes{270}, "failed")).empty());
}

TEST_F(sweep_test, limit_takes_those_that_have_been_stuck_longest) {
  EXPECT_EQ(keys(run(sweep("jobs", minutes{30}, "failed").limit(2))), "6 5 ");
  EXPECT_EQ(keys(run(sweep("jobs", minutes{30}, "failed").limit(std::nullopt))), "4 3 2 1 ");
}

TEST_F(sweep_test, state_narrows_and_finds_what_was_never_alive) {
  EXPECT_TRUE(run(sweep("jobs", minutes{30}, "running")).empty());  // none without a sign of life
  const auto rows = run(sweep("jobs", minutes{30}, "running").state("queued").limit(1));
  EXPECT_EQ(keys(rows), "7 ");
  EXPECT_EQ(rows.at(0).was, "queued");
  EXPECT_FALSE(rows.at(0).since);
  EXPECT_FALSE(rows.at(0).age);
}

TEST_F(sweep_test, another_column_may_tell) {
  sql("UPDATE jobs SET updated_at = '2020-01-01' WHERE id IN (2, 3)");
  EXPECT_EQ(keys(run(sweep("jobs", hours{24}, "failed").since("updated_at"))), "2 3 ");
}

TEST_F(sweep_test, composite_keys_and_enums_work) {
  const auto rows = run(sweep("\"Other\".\"Aufträge\"", hours{24}, "printed").state("draft").since("seen_at"));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(nlohmann::json::parse(rows[0].key), (nlohmann::json{{"project_id", 1}, {"slot", "a \"b\""}}));
}

// A locked row has a worker, and nobody waits for it.
TEST_F(sweep_test, locked_row_is_left_out) {
  pqxx::connection connection{dsn_};
  pqxx::work worker{connection};
  ASSERT_TRUE(beat("jobs", 6).run(worker));
  EXPECT_EQ(keys(run(sweep("jobs", minutes{270}, "failed"))), "5 ");
  worker.commit();
  EXPECT_TRUE(run(sweep("jobs", minutes{270}, "failed")).empty());
  EXPECT_EQ(ask("SELECT status FROM jobs WHERE id = 6"), "running");
}

TEST_F(sweep_test, client_runs_it_and_asks_no_second_time) {
  client client{dsn_};
  EXPECT_EQ(keys(client.run(sweep("jobs", minutes{270}, "failed"))), "6 5 ");
  EXPECT_FALSE(sweep("jobs", minutes{270}, "failed").repeatable());
  EXPECT_EQ(ask("SELECT count(*) FROM jobs WHERE status = 'failed'"), "2");
}

TEST_F(sweep_test, worker_of_a_swept_job_is_told) {
  ASSERT_EQ(run(sweep("jobs", minutes{330}, "failed")).size(), 1U);
  EXPECT_EQ(run(beat("jobs", 6)).outcome, beat_outcome::finished);
  EXPECT_EQ(run(advance("jobs", 6, "done").set("result", "late")).outcome, advance_outcome::refused);
  EXPECT_EQ(ask("SELECT result FROM jobs WHERE id = 6"), "NULL");
}

TEST_F(sweep_test, bad_arguments_are_errors) {
  EXPECT_EQ(sqlstate(sweep("jobs", hours{1}, "gone")), "22023");
  EXPECT_EQ(sqlstate(sweep("jobs", hours{1}, "queued")), "22023");  // nothing leads there
  EXPECT_EQ(sqlstate(sweep("jobs", hours{1}, "failed").state("gone")), "22023");
  EXPECT_EQ(sqlstate(sweep("jobs", hours{1}, "failed").since("no_such_column")), "22023");
  EXPECT_EQ(sqlstate(sweep("jobs", hours{1}, "failed").set("no_such_column", 1)), "22023");
  EXPECT_EQ(sqlstate(sweep("jobs", hours{1}, "failed").limit(0)), "22023");
  EXPECT_EQ(sqlstate(sweep("plain", hours{1}, "failed")), "42R01");
  EXPECT_EQ(sqlstate(sweep("no_such_table", hours{1}, "failed")), "42P01");
}

TEST_F(sweep_test, search_path_cannot_shadow_what_the_sdk_calls) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec(
      "CREATE SCHEMA evil; CREATE DOMAIN evil.interval AS pg_catalog.interval CHECK (false);"
      "CREATE DOMAIN evil.int4 AS pg_catalog.int4 CHECK (false);"
      "CREATE FUNCTION evil.isfinite(timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1';"
      "CREATE FUNCTION evil.times(numeric, integer) RETURNS numeric LANGUAGE sql AS 'SELECT 0::numeric';"
      "CREATE OPERATOR evil.* (FUNCTION = evil.times, LEFTARG = numeric, RIGHTARG = integer);"
      "SET search_path = evil, pg_catalog");
  EXPECT_GT(sweep("public.jobs", hours{3}, "failed").run(tx).at(0).age->count(), 0);
}

}  // namespace
}  // namespace ratchet::test
