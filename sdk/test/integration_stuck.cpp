#include <chrono>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;

class stuck_test : public job_test {
 protected:
  // Job n is running and was alive n hours ago, for 1 to 4; job 3 is done. The others are queued, never seen alive.
  void SetUp() override {
    job_test::SetUp();
    sql("BEGIN; CALL ratchet.suspend('jobs', 'test');"
        "UPDATE jobs SET status = CASE id WHEN 3 THEN 'done' ELSE 'running' END,"
        " alive_at = now() - id * interval '1 hour' WHERE id < 5; COMMIT");
  }

  // The keys that the call answers, in their order.
  std::string keys(const stuck &call) {
    std::string text;
    for (const auto &row : run(call)) text += row.key + ' ';
    return text;
  }

  std::string sqlstate(const stuck &call) {
    try {
      (void)run(call);
    } catch (const error &e) {
      return e.sqlstate();
    }
    return "none";
  }
};

TEST_F(stuck_test, rows_without_a_sign_of_life_are_told_oldest_first) {
  EXPECT_EQ(keys(stuck("jobs", minutes{90})), "4 2 ");
  EXPECT_EQ(keys(stuck("jobs", minutes{30})), "4 2 1 ");
  EXPECT_EQ(keys(stuck("jobs", hours{5})), "");
  EXPECT_EQ(keys(stuck("jobs", hours{2} + minutes{1})), "4 ");
}

TEST_F(stuck_test, row_tells_its_state_and_since_when) {
  const auto rows = run(stuck("jobs", hours{3}));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].key, "4");
  EXPECT_EQ(rows[0].state, "running");
  ASSERT_TRUE(rows[0].since);
  EXPECT_EQ(std::to_string(rows[0].since->time_since_epoch().count()),
            ask("SELECT (EXTRACT(epoch FROM alive_at) * 1000000)::bigint FROM jobs WHERE id = 4"));
  ASSERT_TRUE(rows[0].age);
  EXPECT_GE(*rows[0].age, hours{4});
  EXPECT_LT(*rows[0].age, hours{4} + minutes{5});
}

TEST_F(stuck_test, times_depend_on_no_setting_and_keep_days) {
  sql("BEGIN; CALL ratchet.suspend('jobs', 'test');"
      "UPDATE jobs SET alive_at = now() - interval '40 days 1.000001 seconds' WHERE id = 4; COMMIT");
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'; SET IntervalStyle = 'sql_standard'");
  const auto first = stuck("jobs", hours{3}).run(tx);
  tx.exec("SET DateStyle = 'ISO, MDY'; SET TimeZone = 'UTC'; SET IntervalStyle = 'iso_8601'");
  const auto second = stuck("jobs", hours{3}).run(tx);
  ASSERT_EQ(first.size(), 1U);
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(first[0].since, second[0].since);
  EXPECT_EQ(first[0].age, second[0].age);
  EXPECT_GE(*first[0].age, hours{24 * 40} + microseconds{1000001});
  EXPECT_LT(*first[0].age, hours{24 * 40} + minutes{5});
}

TEST_F(stuck_test, state_narrows_and_finds_what_was_never_alive) {
  EXPECT_EQ(keys(stuck("jobs", minutes{90}).state("running")), "4 2 ");
  EXPECT_EQ(keys(stuck("jobs", minutes{90}).state("done")), "3 ");
  const auto queued = run(stuck("jobs", minutes{90}).state("queued"));
  ASSERT_EQ(queued.size(), 26U);
  EXPECT_EQ(queued[0].key, "5");
  EXPECT_EQ(queued[0].state, "queued");
  EXPECT_FALSE(queued[0].since);
  EXPECT_FALSE(queued[0].age);
}

TEST_F(stuck_test, another_column_may_tell) {
  sql("UPDATE jobs SET updated_at = '2020-01-01' WHERE id IN (7, 9); UPDATE jobs SET updated_at = '2019-01-01' WHERE "
      "id = 8");
  EXPECT_EQ(keys(stuck("jobs", hours{24}).since("updated_at")), "8 7 9 ");
}

TEST_F(stuck_test, state_is_empty_where_several_columns_have_one) {
  const auto rows = run(stuck("\"Other\".\"Aufträge\"", hours{24}).since("seen_at"));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_FALSE(rows[0].state);
  EXPECT_EQ(run(stuck("\"Other\".\"Aufträge\"", hours{24}).since("seen_at").state("draft")).at(0).state, "draft");
}

// The key goes straight into the other calls, whatever it is made of.
TEST_F(stuck_test, rows_are_handed_to_advance_in_the_callers_transaction) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  for (const auto &job : stuck("jobs", minutes{90}).run(tx)) {
    EXPECT_EQ(advance("jobs", job.key, "failed").set("result", "lost").run(tx).outcome, advance_outcome::advanced);
  }
  EXPECT_TRUE(stuck("jobs", minutes{90}).run(tx).empty());
  const std::string table = "\"Other\".\"Aufträge\"";
  const auto orders = stuck(table, hours{24}).since("seen_at").run(tx);
  ASSERT_EQ(orders.size(), 2U);
  for (const auto &order : orders) {
    EXPECT_EQ(advance(table, order.key, "printed").state_column("phase").run(tx).outcome, advance_outcome::advanced);
  }
  tx.abort();
  EXPECT_EQ(keys(stuck("jobs", minutes{90})), "4 2 ");
}

TEST_F(stuck_test, listed_row_that_came_to_life_is_stale) {
  const auto rows = run(stuck("jobs", hours{3}));
  ASSERT_EQ(rows.size(), 1U);
  ASSERT_TRUE(rows[0].expect.contains("alive_at")) << rows[0].expect;
  EXPECT_EQ(rows[0].expect.at("status"), "running");
  ASSERT_TRUE(run(beat("jobs", rows[0].key)));
  const auto r = run(advance("jobs", rows[0].key, "failed").expect(rows[0].expect));
  EXPECT_EQ(r.outcome, advance_outcome::stale);
  EXPECT_EQ(r.stale, std::vector<std::string>{"alive_at"});
}

TEST_F(stuck_test, listed_row_that_stayed_as_it_was_is_moved) {
  const auto rows = run(stuck("jobs", hours{3}));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(run(advance("jobs", rows[0].key, "failed").expect("comment", "x").expect(rows[0].expect)).outcome,
            advance_outcome::stale);  // an object adds to what was expected before
  EXPECT_EQ(run(advance("jobs", rows[0].key, "failed").expect(rows[0].expect)).outcome, advance_outcome::advanced);
}

TEST_F(stuck_test, infinite_times_are_empty) {
  sql("ALTER TABLE jobs ADD due timestamptz; UPDATE jobs SET due = 'infinity' WHERE id = 1");
  EXPECT_EQ(keys(stuck("jobs", minutes{1}).since("due")), "");
}

TEST_F(stuck_test, bad_arguments_are_errors) {
  EXPECT_EQ(sqlstate(stuck("jobs", hours{1}).state("runing")), "22023");
  EXPECT_EQ(sqlstate(stuck("jobs", hours{1}).since("no_such_column")), "22023");
  EXPECT_EQ(sqlstate(stuck("jobs", hours{1}).since("comment")), "22023");
  EXPECT_EQ(sqlstate(stuck("\"Other\".\"Aufträge\"", hours{1})), "22023");  // no heartbeat in the contract
  EXPECT_EQ(sqlstate(stuck("plain", hours{1})), "42R01");
  EXPECT_EQ(sqlstate(stuck("no_such_table", hours{1})), "42P01");
  EXPECT_EQ(sqlstate(stuck("jobs", microseconds::max())).substr(0, 2), "22");
}

TEST_F(stuck_test, missing_right_is_403) {
  sql("CREATE ROLE watcher");
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec("SET ROLE watcher");
  try {
    (void)stuck("jobs", hours{1}).run(tx);
    ADD_FAILURE() << "read without the right to";
  } catch (const error &e) {
    EXPECT_EQ(e.kind(), error_kind::privilege) << e.what();
    EXPECT_EQ(http_status(e), 403);
  }
  tx.abort();
  sql("DROP ROLE watcher");
}

TEST_F(stuck_test, search_path_cannot_shadow_what_the_sdk_calls) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec(
      "CREATE SCHEMA evil; CREATE DOMAIN evil.interval AS pg_catalog.interval CHECK (false);"
      "CREATE FUNCTION evil.isfinite(timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1';"
      "CREATE FUNCTION evil.times(numeric, integer) RETURNS numeric LANGUAGE sql AS 'SELECT 0::numeric';"
      "CREATE OPERATOR evil.* (FUNCTION = evil.times, LEFTARG = numeric, RIGHTARG = integer);"
      "SET search_path = evil, pg_catalog");
  EXPECT_GT(stuck("public.jobs", hours{3}).run(tx).at(0).age->count(), 0);
}

}  // namespace
}  // namespace ratchet::test
