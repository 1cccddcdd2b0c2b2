#include <map>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

using nlohmann::json;

class progress_test : public tally_test {};

TEST_F(progress_test, counters_are_told) {
  ASSERT_TRUE(run(batch("results").add(result(2, 1)).add(result(2, 2, false))));
  const auto r = run(progress("runs", 2));
  EXPECT_EQ(r.outcome, progress_outcome::found);
  EXPECT_EQ(r.outcome_text, "found");
  EXPECT_TRUE(r);
  EXPECT_EQ(http_status(r), 200);
  ASSERT_TRUE(r.progress);
  EXPECT_EQ(r.progress->parent, "public.runs");
  EXPECT_EQ(r.progress->key, (json{{"id", 2}}));
  EXPECT_EQ(r.progress->count("evaluated_count"), 2);
  EXPECT_EQ(r.progress->count("correct_count"), 1);
  EXPECT_EQ(r.progress->count("total"), 2);
  EXPECT_EQ(r.progress->done, true);
  EXPECT_FALSE(r.progress->columns.contains("name"));  // only what the tally is about
  EXPECT_EQ(run(progress("runs", json{{"id", 2}})).progress->columns, r.progress->columns);
}

TEST_F(progress_test, own_results_are_counted_that_are_not_flushed_yet) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  (void)batch("results").add(result(2, 1)).run(tx);
  tx.exec("INSERT INTO results VALUES (2, 2, true)");
  const auto r = progress("runs", 2).run(tx);
  ASSERT_TRUE(r);
  EXPECT_EQ(r.progress->count("evaluated_count"), 2);
  EXPECT_EQ(r.progress->done, true);
}

TEST_F(progress_test, unknown_total_is_null) {
  const auto r = run(progress("runs", 3));
  ASSERT_TRUE(r);
  EXPECT_EQ(r.progress->count("total"), std::nullopt);
  EXPECT_EQ(r.progress->count("evaluated_count"), 0);
  EXPECT_EQ(r.progress->done, false);
}

TEST_F(progress_test, missing_row_is_not_found) {
  const auto r = run(progress("runs", 4711));
  EXPECT_EQ(r.outcome, progress_outcome::not_found);
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 404);
  EXPECT_FALSE(r.progress);
}

TEST_F(progress_test, composite_keys_and_quoted_names_work) {
  sql("INSERT INTO \"Other\".\"Ergebnisse\" SELECT gen_random_uuid(), 1, 2026 FROM generate_series(1, 3)");
  const json key{{"project_id", 1}, {"year", 2026}};
  const auto r = run(progress("\"Other\".\"Läufe\"", key));
  ASSERT_TRUE(r);
  EXPECT_EQ(r.progress->key, key);
  EXPECT_EQ(r.progress->count("evaluated"), 3);
  EXPECT_FALSE(r.progress->done);
  EXPECT_EQ(run(progress("\"Other\".\"Läufe\"", json{{"project_id", 1}, {"year", 1999}})).outcome,
            progress_outcome::not_found);
}

TEST_F(progress_test, uuid_keys_work) {
  sql("CREATE TABLE jobs (id uuid PRIMARY KEY, steps integer);"
      "CREATE TABLE steps (job_id uuid REFERENCES jobs);"
      "SELECT ratchet.tally('steps', 'jobs', '{\"steps\": \"true\"}');"
      "INSERT INTO jobs VALUES ('" +
      std::string{request_a} + "'); INSERT INTO steps SELECT id FROM jobs");
  const auto r = run(progress("jobs", request_a));
  ASSERT_TRUE(r);
  EXPECT_EQ(r.progress->key, (json{{"id", request_a}}));
  EXPECT_EQ(r.progress->count("steps"), 1);
}

TEST_F(progress_test, bad_arguments_and_missing_tallies_are_errors) {
  const auto sqlstate = [&](const progress &question) -> std::string {
    try {
      (void)run(question);
    } catch (const error &e) {
      return e.sqlstate();
    }
    return "none";
  };
  EXPECT_EQ(sqlstate(progress("runs", "one")).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(progress("runs", json{{"name", "first"}})).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(progress("plain", 1)), "42R01");
  EXPECT_EQ(sqlstate(progress("no_such_table", 1)), "42P01");
}

TEST_F(progress_test, submission_tells_the_parents_of_its_record) {
  sql("ALTER TABLE scorecards ADD evaluated integer;"
      "SELECT ratchet.tally('records', 'scorecards', '{\"evaluated\": \"true\"}')");
  const auto r = run(submission("scorecards", 1).actor(7).store_in("records", {{"evaluator_id", 3}}).with_progress());
  EXPECT_EQ(r.outcome, submit_outcome::submitted);
  ASSERT_EQ(r.progress.size(), 1U);
  EXPECT_EQ(r.progress[0].parent, "public.scorecards");
  EXPECT_EQ(r.progress[0].key, (json{{"id", 1}}));
  EXPECT_EQ(r.progress[0].count("evaluated"), 1);
  EXPECT_EQ(ask("SELECT evaluated FROM scorecards WHERE id = 1"), "1");
}

TEST_F(progress_test, submission_tells_the_parent_of_its_row) {
  sql("CREATE TABLE projects (id bigint PRIMARY KEY, expected integer, submitted integer, finished boolean);"
      "CREATE TABLE assignments (id bigint PRIMARY KEY, project_id bigint REFERENCES projects,"
      " submitted_at timestamptz);"
      "SELECT ratchet.guard('assignments', gate => 'submitted_at');"
      "SELECT ratchet.tally('assignments', 'projects', '{\"submitted\": \"submitted_at IS NOT NULL\"}',"
      " total => 'expected', total_of => 'submitted', done => 'finished');"
      "INSERT INTO projects VALUES (1, 2); INSERT INTO assignments VALUES (11, 1), (12, 1)");
  const auto first = run(submission("assignments", 11).with_progress());
  ASSERT_EQ(first.progress.size(), 1U);
  EXPECT_EQ(first.progress[0].parent, "public.projects");
  EXPECT_EQ(first.progress[0].count("submitted"), 1);
  EXPECT_EQ(first.progress[0].done, false);
  EXPECT_EQ(run(submission("assignments", 12).with_progress()).progress.at(0).done, true);
}

TEST_F(progress_test, submission_tells_the_parents_of_row_and_record) {
  sql("CREATE TABLE juries (id bigint PRIMARY KEY, submitted integer);"
      "ALTER TABLE scorecards ADD jury_id bigint DEFAULT 1, ADD evaluated integer;"
      "INSERT INTO juries VALUES (1);"
      "ALTER TABLE scorecards ADD FOREIGN KEY (jury_id) REFERENCES juries;"
      "SELECT ratchet.tally('scorecards', 'juries', '{\"submitted\": \"submitted_at IS NOT NULL\"}');"
      "SELECT ratchet.tally('records', 'scorecards', '{\"evaluated\": \"true\"}')");
  const auto r = run(submission("scorecards", 1).actor(7).store_in("records", {{"evaluator_id", 3}}).with_progress());
  std::map<std::string, std::optional<std::int64_t>> told;
  for (const auto &p : r.progress) told[p.parent] = p.count(p.parent == "public.juries" ? "submitted" : "evaluated");
  EXPECT_EQ(told, (decltype(told){{"public.juries", 1}, {"public.scorecards", 1}}));
}

TEST_F(progress_test, loser_changes_no_counter_and_is_told_none) {
  sql("ALTER TABLE scorecards ADD evaluated integer;"
      "SELECT ratchet.tally('records', 'scorecards', '{\"evaluated\": \"true\"}')");
  ASSERT_TRUE(run(submission("scorecards", 1).actor(7).store_in("records", {{"evaluator_id", 3}})));
  const auto loser =
      run(submission("scorecards", 1).actor(8).store_in("records", {{"evaluator_id", 4}}).with_progress());
  EXPECT_EQ(loser.outcome, submit_outcome::already_submitted);
  EXPECT_TRUE(loser.progress.empty());
  EXPECT_EQ(ask("SELECT evaluated FROM scorecards WHERE id = 1"), "1");
}

TEST_F(progress_test, submission_that_does_not_ask_is_told_none) {
  sql("ALTER TABLE scorecards ADD evaluated integer;"
      "SELECT ratchet.tally('records', 'scorecards', '{\"evaluated\": \"true\"}')");
  const auto r = run(submission("scorecards", 1).actor(7).store_in("records", {{"evaluator_id", 3}}));
  EXPECT_TRUE(r.progress.empty());
  EXPECT_EQ(ask("SELECT evaluated FROM scorecards WHERE id = 1"), "1");
}

TEST_F(progress_test, submission_without_tallies_has_none) {
  EXPECT_TRUE(run(submission("scorecards", 1).actor(7).with_progress()).progress.empty());
}

}  // namespace
}  // namespace ratchet::test
