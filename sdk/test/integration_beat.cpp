#include "server_test.hpp"

namespace ratchet::test {
namespace {

using nlohmann::json;
using names = std::vector<std::string>;

class beat_test : public job_test {
 protected:
  std::string sqlstate(const beat &call) {
    try {
      (void)run(call);
    } catch (const error &e) {
      return e.sqlstate();
    }
    return "none";
  }
};

TEST_F(beat_test, heartbeat_is_set_with_progress) {
  const auto r = run(beat("jobs", 1));
  EXPECT_EQ(r.outcome, beat_outcome::alive);
  EXPECT_EQ(r.outcome_text, "alive");
  EXPECT_TRUE(r);
  EXPECT_EQ(http_status(r), 200);
  EXPECT_TRUE(r.kept.empty());
  EXPECT_EQ(ask("SELECT count(*) FROM jobs WHERE alive_at > now() - interval '1 minute'"), "1");
  const auto before = ask("SELECT alive_at FROM jobs WHERE id = 1");
  EXPECT_TRUE(run(beat("jobs", 1).set("progress", 30).set("comment", "third")));
  EXPECT_EQ(ask("SELECT concat_ws(' ', status, progress, comment, alive_at > '" + before + "') FROM jobs WHERE id = 1"),
            "queued 30 third t");
}

TEST_F(beat_test, columns_that_the_contract_keeps_are_named) {
  ASSERT_TRUE(run(beat("jobs", 1).set("progress", 60)));
  const auto r = run(beat("jobs", 1).set("progress", 40).set("comment", "late"));
  EXPECT_EQ(r.outcome, beat_outcome::alive);
  EXPECT_EQ(r.kept, names{"progress"});
  EXPECT_EQ(ask("SELECT concat_ws(' ', progress, comment) FROM jobs WHERE id = 1"), "60 late");
}

TEST_F(beat_test, finished_row_is_left_alone) {
  ASSERT_TRUE(run(advance("jobs", 1, "running")));
  ASSERT_TRUE(run(advance("jobs", 1, "failed")));
  const auto before = ask("SELECT xmin FROM jobs WHERE id = 1");
  const auto r = run(beat("jobs", 1).set("progress", 90).set("comment", "x"));
  EXPECT_EQ(r.outcome, beat_outcome::finished);
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 409);
  EXPECT_EQ(ask("SELECT xmin FROM jobs WHERE id = 1"), before);
}

TEST_F(beat_test, closed_gate_finishes_a_row) {
  sql("ALTER TABLE plain ADD closed boolean NOT NULL DEFAULT false, ADD seen timestamptz;"
      "SELECT ratchet.guard('plain', gate => 'closed', heartbeat => 'seen')");
  EXPECT_EQ(run(beat("plain", 1)).outcome, beat_outcome::alive);
  ASSERT_TRUE(run(submission("plain", 1)));
  EXPECT_EQ(run(beat("plain", 1)).outcome, beat_outcome::finished);
}

TEST_F(beat_test, displaced_worker_learns_it_and_writes_nothing) {
  sql("ALTER TABLE jobs ADD attempt integer NOT NULL DEFAULT 1; UPDATE jobs SET attempt = 2 WHERE id = 1");
  const auto before = ask("SELECT xmin FROM jobs WHERE id = 1");
  const auto r = run(beat("jobs", 1).set("progress", 50).expect("attempt", 1).expect("status", "queued"));
  EXPECT_EQ(r.outcome, beat_outcome::stale);
  EXPECT_EQ(r.stale, names{"attempt"});
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 412);
  EXPECT_EQ(ask("SELECT xmin FROM jobs WHERE id = 1"), before);
  const auto owner = run(beat("jobs", 1).set("progress", 50).expect("attempt", 2));
  EXPECT_EQ(owner.outcome, beat_outcome::alive);
  EXPECT_TRUE(owner.stale.empty());
}

TEST_F(beat_test, fence_that_is_out_of_date_is_stale) {
  sql("ALTER TABLE jobs ADD attempt integer NOT NULL DEFAULT 2;"
      "SELECT ratchet.guard('jobs', forward => '{progress}', frozen => '{result, progress}', heartbeat => 'alive_at',"
      " idempotency_key => 'request_id', fence => 'attempt', states => '{\"status\": {\"queued\": [\"running\"],"
      " \"running\": [\"done\", \"failed\"], \"done\": [], \"failed\": []}}')");
  EXPECT_EQ(run(beat("jobs", 1).set("attempt", 1)).stale, names{"attempt"});
  EXPECT_EQ(run(beat("jobs", 1).set("attempt", 2)).outcome, beat_outcome::alive);
}

TEST_F(beat_test, only_a_bare_heartbeat_may_be_repeated) {
  EXPECT_TRUE(beat("jobs", 1).repeatable());
  EXPECT_FALSE(beat("jobs", 1).set("progress", 1).repeatable());
  EXPECT_FALSE(beat("jobs", 1).expect("alive_at", nullptr).repeatable());
}

TEST_F(beat_test, missing_row_is_not_found) {
  const auto r = run(beat("jobs", 4711));
  EXPECT_EQ(r.outcome, beat_outcome::not_found);
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 404);
}

TEST_F(beat_test, keys_of_every_kind_work) {
  sql("CREATE TABLE \"Other\".\"Läufer\" (a integer, b uuid UNIQUE, seen timestamptz, PRIMARY KEY (a, b));"
      "SELECT ratchet.guard('\"Other\".\"Läufer\"', heartbeat => 'seen');"
      "CREATE TABLE runners (id uuid PRIMARY KEY, seen timestamptz);"
      "SELECT ratchet.guard('runners', heartbeat => 'seen');"
      "INSERT INTO \"Other\".\"Läufer\" VALUES (1, '" +
      std::string{request_a} + "'); INSERT INTO runners SELECT b FROM \"Other\".\"Läufer\"");
  EXPECT_TRUE(run(beat("\"Other\".\"Läufer\"", json{{"a", 1}, {"b", request_a}})));
  EXPECT_TRUE(run(beat("\"Other\".\"Läufer\"", json{{"b", request_a}})));
  EXPECT_TRUE(run(beat("runners", request_a)));
  EXPECT_FALSE(run(beat("runners", request_b)));
}

TEST_F(beat_test, bad_arguments_are_errors_that_change_nothing) {
  EXPECT_EQ(sqlstate(beat("jobs", "one")).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(beat("jobs", 1).set("no_such_column", 1)).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(beat("jobs", 1).set("alive_at", "now")), "22023");
  EXPECT_EQ(sqlstate(beat("jobs", 1).set("progress", "much")).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(beat("scorecards", 1)), "22023");  // no heartbeat in the contract
  EXPECT_EQ(sqlstate(beat("plain", 1)), "42R01");
  EXPECT_EQ(sqlstate(beat("jobs", 1).set("status", "done")), "23R02");
  EXPECT_EQ(ask("SELECT count(*) FROM jobs WHERE alive_at IS NOT NULL"), "0");
}

TEST_F(beat_test, search_path_cannot_shadow_what_the_sdk_calls) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec(
      "CREATE SCHEMA evil; CREATE DOMAIN evil.jsonb AS pg_catalog.jsonb CHECK (false);"
      "CREATE FUNCTION evil.to_jsonb(text[]) RETURNS pg_catalog.jsonb LANGUAGE sql AS 'SELECT NULL::pg_catalog.jsonb';"
      "SET search_path = evil, pg_catalog");
  ASSERT_TRUE(beat("public.jobs", 1).set("progress", 5).run(tx));
  EXPECT_EQ(beat("public.jobs", 1).set("progress", 4).run(tx).kept, names{"progress"});
}

}  // namespace
}  // namespace ratchet::test
