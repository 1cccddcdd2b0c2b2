#include <cmath>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

using nlohmann::json;

class submission_test : public server_test {};

TEST_F(submission_test, winner_gets_everything_it_asked_for) {
  const auto r = run(submission("scorecards", 1)
                         .actor(7)
                         .set("comment", "ready")
                         .set("submission_source", "web")
                         .idempotency_key(request_a));
  EXPECT_EQ(r.outcome, submit_outcome::submitted);
  EXPECT_EQ(r.outcome_text, "submitted");
  EXPECT_TRUE(r);
  EXPECT_EQ(http_status(r), 201);
  EXPECT_EQ(r.submitted_by, "7");
  EXPECT_FALSE(r.record);
  EXPECT_EQ(r.conflict, "");
  EXPECT_TRUE(r.stale.empty());
  ASSERT_TRUE(r.submitted_at);
  EXPECT_EQ(ask("SELECT comment || ',' || submitter_user_id || ',' || submission_source || ',' || request_id"
                " FROM scorecards WHERE id = 1"),
            std::string{"ready,7,web,"} + request_a);
  EXPECT_EQ(ask("SELECT (EXTRACT(epoch FROM submitted_at) * 1000000)::bigint FROM scorecards WHERE id = 1"),
            std::to_string(r.submitted_at->time_since_epoch().count()));
}

TEST_F(submission_test, time_depends_on_no_setting) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Kathmandu'");
  const auto first = submission("scorecards", 1).actor(7).run(tx);
  tx.exec("SET DateStyle = 'ISO, MDY'; SET TimeZone = 'UTC'");
  const auto second = submission("scorecards", 1).actor(8).run(tx);
  ASSERT_TRUE(first.submitted_at);
  EXPECT_EQ(first.submitted_at, second.submitted_at);
  const auto age = std::chrono::system_clock::now() - *first.submitted_at;
  EXPECT_LT(std::abs(std::chrono::duration_cast<std::chrono::seconds>(age).count()), 60);
}

TEST_F(submission_test, loser_learns_who_and_when) {
  const auto winner = run(submission("scorecards", 1).actor(7).idempotency_key(request_a));
  const auto loser = run(submission("scorecards", 1).actor(8).set("comment", "mine").idempotency_key(request_b));
  EXPECT_EQ(loser.outcome, submit_outcome::already_submitted);
  EXPECT_FALSE(loser);
  EXPECT_EQ(http_status(loser), 409);
  EXPECT_EQ(loser.submitted_by, "7");
  EXPECT_EQ(loser.submitted_at, winner.submitted_at);
  EXPECT_EQ(ask("SELECT comment FROM scorecards WHERE id = 1"), "draft");
}

TEST_F(submission_test, same_request_is_replayed) {
  const auto again = submission("scorecards", 1).actor(7).set("comment", "ready").idempotency_key(request_a);
  const auto first = run(again);
  const auto second = run(again);
  EXPECT_EQ(first.outcome, submit_outcome::submitted);
  EXPECT_EQ(second.outcome, submit_outcome::replayed);
  EXPECT_TRUE(second);
  EXPECT_EQ(http_status(second), 200);
  EXPECT_EQ(second.submitted_at, first.submitted_at);
  EXPECT_EQ(second.submitted_by, "7");
}

TEST_F(submission_test, request_of_another_actor_or_row_is_no_replay) {
  const auto first = run(submission("scorecards", 1).actor(7).idempotency_key(request_a));
  const auto other_actor = run(submission("scorecards", 1).actor(8).idempotency_key(request_a));
  EXPECT_EQ(first.outcome, submit_outcome::submitted);
  EXPECT_EQ(other_actor.outcome, submit_outcome::key_reused);
  EXPECT_FALSE(other_actor);
  EXPECT_EQ(http_status(other_actor), 422);
  sql("CREATE UNIQUE INDEX ON scorecards (request_id)");
  const auto other_row = run(submission("scorecards", 2).actor(7).idempotency_key(request_a));
  EXPECT_EQ(other_row.outcome, submit_outcome::key_reused);
  EXPECT_EQ(ask("SELECT submitted_at FROM scorecards WHERE id = 2"), "NULL");
}

TEST_F(submission_test, failed_expectation_is_stale) {
  const auto r = run(submission("scorecards", 1).actor(7).expect("comment", "other").expect("score", 1));
  EXPECT_EQ(r.outcome, submit_outcome::stale);
  EXPECT_EQ(http_status(r), 412);
  EXPECT_EQ(r.stale, std::vector<std::string>{"comment"});
  EXPECT_EQ(ask("SELECT submitted_at FROM scorecards WHERE id = 1"), "NULL");
  EXPECT_TRUE(run(submission("scorecards", 1).actor(7).expect("comment", "draft").expect("weight", nullptr)));
}

TEST_F(submission_test, missing_row_is_not_found) {
  const auto r = run(submission("scorecards", 4711).actor(7));
  EXPECT_EQ(r.outcome, submit_outcome::not_found);
  EXPECT_EQ(http_status(r), 404);
  EXPECT_FALSE(r.submitted_at);
}

TEST_F(submission_test, record_is_stored_with_its_reference) {
  const auto r =
      run(submission("scorecards", 1).actor(7).store_in("records", {{"evaluator_id", 3}, {"verdict", "good"}}));
  EXPECT_EQ(r.outcome, submit_outcome::submitted);
  ASSERT_TRUE(r.record);
  EXPECT_EQ(r.record->at("scorecard_id"), 1);
  EXPECT_EQ(r.record->at("verdict"), "good");
  EXPECT_EQ(ask("SELECT scorecard_id || ',' || evaluator_id || ',' || verdict FROM records"), "1,3,good");
}

TEST_F(submission_test, conflicting_record_changes_nothing) {
  sql("INSERT INTO records (scorecard_id, evaluator_id, verdict) VALUES (1, 3, 'earlier')");
  const auto r = run(submission("scorecards", 1).actor(7).store_in("records", {{"evaluator_id", 3}}));
  EXPECT_EQ(r.outcome, submit_outcome::conflict);
  EXPECT_EQ(http_status(r), 409);
  EXPECT_EQ(r.conflict, "one_record_each");
  EXPECT_EQ(ask("SELECT submitted_at FROM scorecards WHERE id = 1"), "NULL");
  EXPECT_EQ(ask("SELECT count(*) FROM records"), "1");
}

TEST_F(submission_test, values_of_every_kind_arrive) {
  EXPECT_TRUE(run(submission("scorecards", 1)
                      .actor("7")
                      .set("comment", "it's \"quoted\" \\ and — not ASCII\n")
                      .set("score", "12345678901234567890.5")
                      .set("weight", std::nan(""))
                      .set("final", true)
                      .set("details", json{{"list", {1, 2, nullptr}}})
                      .set("submission_source", std::optional<std::string>{})));
  EXPECT_EQ(ask("SELECT comment FROM scorecards WHERE id = 1"), "it's \"quoted\" \\ and — not ASCII\n");
  EXPECT_EQ(ask("SELECT score FROM scorecards WHERE id = 1"), "12345678901234567890.5");
  EXPECT_EQ(ask("SELECT weight FROM scorecards WHERE id = 1"), "NaN");
  EXPECT_EQ(ask("SELECT final FROM scorecards WHERE id = 1"), "t");
  EXPECT_EQ(ask("SELECT details FROM scorecards WHERE id = 1"), R"({"list": [1, 2, null]})");
  EXPECT_EQ(ask("SELECT submission_source FROM scorecards WHERE id = 1"), "NULL");
}

TEST_F(submission_test, composite_keys_and_quoted_names_work) {
  const json key{{"project_id", 1}, {"evaluator_id", 7}};
  const auto r = run(submission("\"Other\".\"Défense\"", key).actor("anna"));
  EXPECT_EQ(r.outcome, submit_outcome::submitted);
  EXPECT_EQ(r.submitted_by, "anna");
  EXPECT_EQ(
      ask("SELECT string_agg(evaluator_id || ' ' || submitted, ', ' ORDER BY evaluator_id) FROM \"Other\".\"Défense\""),
      "7 true, 8 false");
}

TEST_F(submission_test, uuid_keys_work) {
  sql("CREATE TABLE tickets (id uuid PRIMARY KEY, closed_at timestamptz, closed_by uuid);"
      "SELECT ratchet.guard('tickets', gate => 'closed_at', actor => 'closed_by');"
      "INSERT INTO tickets VALUES ('" +
      std::string{request_a} + "')");
  const auto r = run(submission("tickets", request_a).actor(request_b));
  EXPECT_EQ(r.outcome, submit_outcome::submitted);
  EXPECT_EQ(r.submitted_by, request_b);
}

TEST_F(submission_test, who_submits_too_often_is_told_when_to_come_back) {
  sql("CREATE TABLE tickets (id int PRIMARY KEY, closed_at timestamptz, closed_by int);"
      "SELECT ratchet.guard('tickets', gate => 'closed_at', actor => 'closed_by', rate_limit => '2 per hour');"
      "INSERT INTO tickets SELECT generate_series(1, 3)");
  for (const int ticket : {1, 2}) {
    const auto r = run(submission("tickets", ticket).actor(7));
    EXPECT_EQ(r.outcome, submit_outcome::submitted);
    EXPECT_FALSE(r.retry_after);
    EXPECT_EQ(retry_after_seconds(r), 0);
  }
  const auto r = run(submission("tickets", 3).actor(7));
  EXPECT_FALSE(r);
  EXPECT_EQ(r.outcome, submit_outcome::limited);
  EXPECT_EQ(http_status(r), 429);
  ASSERT_TRUE(r.retry_after);
  EXPECT_LE(r.retry_after->count(), std::int64_t{1800} * 1000000);
  EXPECT_GE(retry_after_seconds(r) * 1000000, r.retry_after->count());
  EXPECT_LT((retry_after_seconds(r) - 1) * 1000000, r.retry_after->count());
  EXPECT_EQ(ask("SELECT count(*) FROM tickets WHERE closed_at IS NULL"), "1");
  EXPECT_EQ(run(submission("tickets", 3).actor(8)).outcome, submit_outcome::submitted);
}

TEST_F(submission_test, search_path_cannot_shadow_what_the_sdk_calls) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec(
      "CREATE SCHEMA evil;"
      "CREATE FUNCTION evil.isfinite(timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1';"
      "CREATE FUNCTION evil.to_jsonb(text[]) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';"
      "CREATE FUNCTION evil.times(numeric, integer) RETURNS numeric LANGUAGE sql AS 'SELECT 0::numeric';"
      "CREATE OPERATOR evil.* (FUNCTION = evil.times, LEFTARG = numeric, RIGHTARG = integer);"
      "SET search_path = evil, pg_catalog");
  const auto r = submission("public.scorecards", 1).actor(7).run(tx);
  EXPECT_EQ(r.outcome, submit_outcome::submitted);
  EXPECT_GT(r.submitted_at->time_since_epoch().count(), 0);
  const auto stale = change("public.scorecards", 2).set("comment", "x").expect("comment", "y").run(tx);
  EXPECT_EQ(stale.stale, std::vector<std::string>{"comment"});
}

}  // namespace
}  // namespace ratchet::test
