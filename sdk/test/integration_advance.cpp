#include <map>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

using nlohmann::json;
using names = std::vector<std::string>;

class advance_test : public job_test {
 protected:
  // A job as it is stored.
  std::string job(int id) {
    return ask("SELECT concat_ws(' ', status, progress, result, comment) FROM jobs WHERE id = " + std::to_string(id));
  }

  std::string sqlstate(const advance &call) {
    try {
      (void)run(call);
    } catch (const error &e) {
      return e.sqlstate();
    }
    return "none";
  }
};

TEST_F(advance_test, row_moves_with_everything_that_was_asked_for) {
  const auto r = run(advance("jobs", 1, "running")
                         .set("progress", 10)
                         .set("comment", "begun")
                         .idempotency_key(request_a)
                         .store_in("steps", {{"name", "first"}})
                         .expect("comment", nullptr));
  EXPECT_EQ(r.outcome, advance_outcome::advanced);
  EXPECT_EQ(r.outcome_text, "advanced");
  EXPECT_TRUE(r);
  EXPECT_EQ(http_status(r), 200);
  EXPECT_EQ(r.state, "running");
  EXPECT_EQ(r.was, "queued");
  ASSERT_TRUE(r.record);
  EXPECT_EQ(r.record->at("job_id"), 1);
  EXPECT_EQ(r.record->at("name"), "first");
  EXPECT_TRUE(r.progress.empty());
  EXPECT_TRUE(r.kept.empty());
  EXPECT_EQ(r.conflict, "");
  EXPECT_TRUE(r.stale.empty());
  EXPECT_EQ(job(1), "running 10 begun");
  EXPECT_EQ(job(2), "queued 0");
  EXPECT_EQ(ask("SELECT request_id FROM jobs WHERE alive_at > now() - interval '1 minute'"), request_a);
  EXPECT_EQ(ask("SELECT string_agg(job_id || name, ',') FROM steps"), "1first");
}

TEST_F(advance_test, row_in_that_state_is_already_there_and_nothing_is_done) {
  ASSERT_TRUE(run(advance("jobs", 1, "running").store_in("steps", {{"name", "first"}})));
  const auto r = run(advance("jobs", 1, "running").set("comment", "x").store_in("steps", {{"name", "again"}}));
  EXPECT_EQ(r.outcome, advance_outcome::already_there);
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 409);
  EXPECT_EQ(r.state, "running");
  ASSERT_TRUE(r.record);  // the winner's
  EXPECT_EQ(r.record->at("name"), "first");
  EXPECT_EQ(job(1), "running 0");
  EXPECT_EQ(ask("SELECT string_agg(name, ',') FROM steps"), "first");
}

TEST_F(advance_test, move_that_the_graph_has_not_is_refused) {
  const auto r = run(advance("jobs", 1, "done").set("comment", "x").store_in("steps", {{"name", "x"}}));
  EXPECT_EQ(r.outcome, advance_outcome::refused);
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 409);
  EXPECT_EQ(r.state, "queued");
  EXPECT_EQ(job(1), "queued 0");
  EXPECT_EQ(ask("SELECT count(*) FROM steps"), "0");

  ASSERT_TRUE(run(advance("jobs", 1, "running")));
  ASSERT_TRUE(run(advance("jobs", 1, "failed").set("result", "broken")));
  const auto late = run(advance("jobs", 1, "done").set("result", "fine"));
  EXPECT_EQ(late.outcome, advance_outcome::refused);
  EXPECT_EQ(late.state, "failed");
  EXPECT_EQ(job(1), "failed 0 broken");
}

TEST_F(advance_test, conflicting_record_takes_the_move_back) {
  sql("INSERT INTO notes VALUES (1, 3)");
  const auto r = run(advance("jobs", 1, "running").set("comment", "x").store_in("notes", {{"slot", 3}}));
  EXPECT_EQ(r.outcome, advance_outcome::conflict);
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 409);
  EXPECT_EQ(r.conflict, "one_note_each");
  EXPECT_FALSE(r.record);
  EXPECT_EQ(job(1), "queued 0");
}

TEST_F(advance_test, failed_expectation_is_stale) {
  const auto r = run(advance("jobs", 1, "running").expect("comment", "x").expect("progress", 0));
  EXPECT_EQ(r.outcome, advance_outcome::stale);
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 412);
  EXPECT_EQ(r.stale, names{"comment"});
  EXPECT_EQ(job(1), "queued 0");
}

TEST_F(advance_test, missing_row_is_not_found) {
  const auto r = run(advance("jobs", 4711, "running"));
  EXPECT_EQ(r.outcome, advance_outcome::not_found);
  EXPECT_FALSE(r);
  EXPECT_EQ(http_status(r), 404);
  EXPECT_FALSE(r.state);
  EXPECT_FALSE(r.was);
}

TEST_F(advance_test, columns_that_the_contract_keeps_are_named) {
  ASSERT_TRUE(run(advance("jobs", 1, "running").set("progress", 60)));
  const auto r = run(advance("jobs", 1, "done").set("progress", 40).set("result", "fine"));
  EXPECT_EQ(r.outcome, advance_outcome::advanced);
  EXPECT_EQ(r.kept, names{"progress"});
  EXPECT_EQ(job(1), "done 60 fine");
}

TEST_F(advance_test, repeated_request_is_answered_with_its_record_wherever_the_row_is) {
  const auto again = advance("jobs", 1, "running").idempotency_key(request_a).store_in("steps", {{"name", "first"}});
  ASSERT_EQ(run(again).outcome, advance_outcome::advanced);
  const auto second = run(again);
  EXPECT_EQ(second.outcome, advance_outcome::replayed);
  EXPECT_TRUE(second);
  EXPECT_EQ(http_status(second), 200);
  ASSERT_TRUE(second.record);
  EXPECT_EQ(second.record->at("name"), "first");
  ASSERT_EQ(run(advance("jobs", 1, "done")).outcome, advance_outcome::advanced);
  const auto third = run(again);
  EXPECT_EQ(third.outcome, advance_outcome::replayed);
  EXPECT_EQ(third.state, "done");
  EXPECT_EQ(ask("SELECT count(*) FROM steps"), "1");
}

TEST_F(advance_test, composite_keys_quoted_names_and_states_of_every_type_work) {
  const std::string table = "\"Other\".\"Aufträge\"";
  const json key{{"project_id", 1}, {"slot", "a \"b\""}};
  const auto begun = run(advance(table, key, 1).state_column("level"));
  EXPECT_EQ(begun.outcome, advance_outcome::advanced);
  EXPECT_EQ(begun.state, "1");
  EXPECT_FALSE(begun.was);  // NULL is not begun
  EXPECT_EQ(run(advance(table, key, 2).state_column("level")).was, "1");
  EXPECT_EQ(run(advance(table, key, "printed").state_column("phase")).state, "printed");
  EXPECT_EQ(run(advance(table, key, 1).state_column("level")).outcome, advance_outcome::refused);
  EXPECT_EQ(ask("SELECT string_agg(concat(slot, phase, level), ',' ORDER BY project_id) FROM " + table),
            "a \"b\"printed2,cdraft");
  EXPECT_EQ(sqlstate(advance(table, key, "printed")), "22023");  // which of the two
}

TEST_F(advance_test, uuid_keys_work) {
  sql("CREATE TABLE tickets (id uuid PRIMARY KEY, status text DEFAULT 'open');"
      "SELECT ratchet.guard('tickets', states => '{\"status\": {\"open\": [\"closed\"], \"closed\": []}}');"
      "INSERT INTO tickets VALUES ('" +
      std::string{request_a} + "')");
  EXPECT_EQ(run(advance("tickets", request_a, "closed")).outcome, advance_outcome::advanced);
}

TEST_F(advance_test, parents_of_the_record_and_of_the_row_are_told) {
  sql("ALTER TABLE jobs ADD stored integer, ADD queue integer DEFAULT 1;"
      "CREATE TABLE queues (id integer PRIMARY KEY, finished integer, total integer DEFAULT 1, empty boolean);"
      "INSERT INTO queues VALUES (1); ALTER TABLE jobs ADD FOREIGN KEY (queue) REFERENCES queues;"
      "SELECT ratchet.tally('steps', 'jobs', '{\"stored\": \"true\"}');"
      "SELECT ratchet.tally('jobs', 'queues', '{\"finished\": \"status = ''done''\"}', total => 'total',"
      " total_of => 'finished', done => 'empty')");
  const auto first = run(advance("jobs", 1, "running").store_in("steps", {{"name", "first"}}).with_progress());
  std::map<std::string, std::optional<std::int64_t>> told;
  for (const auto &p : first.progress) told[p.parent] = p.count(p.parent == "public.queues" ? "finished" : "stored");
  EXPECT_EQ(told, (decltype(told){{"public.queues", 0}, {"public.jobs", 1}}));
  EXPECT_TRUE(run(advance("jobs", 2, "running")).progress.empty());  // nobody has asked
  const auto last = run(advance("jobs", 1, "done").with_progress());
  ASSERT_EQ(last.progress.size(), 1U);
  EXPECT_EQ(last.progress[0].parent, "public.queues");
  EXPECT_EQ(last.progress[0].count("finished"), 1);
  EXPECT_EQ(last.progress[0].done, true);
}

TEST_F(advance_test, bad_arguments_are_errors_that_change_nothing) {
  EXPECT_EQ(sqlstate(advance("jobs", 1, "runing")), "22023");
  EXPECT_EQ(sqlstate(advance("jobs", "one", "running")).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(advance("jobs", 1, "running").state_column("comment")), "22023");
  EXPECT_EQ(sqlstate(advance("jobs", 1, "running").set("no_such_column", 1)).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(advance("jobs", 1, "running").set("status", "done")), "22023");
  EXPECT_EQ(sqlstate(advance("jobs", 1, "running").expect("no_such_column", 1)).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(advance("jobs", 1, "running").idempotency_key("no uuid")).substr(0, 2), "22");
  EXPECT_EQ(sqlstate(advance("jobs", 1, "running").store_in("notes", json::object())), "23502");
  EXPECT_EQ(sqlstate(advance("plain", 1, "running")), "42R01");
  EXPECT_EQ(sqlstate(advance("no_such_table", 1, "running")), "42P01");
  EXPECT_EQ(job(1), "queued 0");
}

TEST_F(advance_test, nothing_is_committed_or_repeated_behind_the_callers_back) {
  pqxx::connection connection{dsn_};
  {
    pqxx::work tx{connection};
    ASSERT_EQ(advance("jobs", 1, "running").store_in("steps", {{"name", "x"}}).run(tx).outcome,
              advance_outcome::advanced);
    EXPECT_EQ(advance("jobs", 1, "done").run(tx).was, "running");
    tx.abort();
  }
  EXPECT_EQ(job(1), "queued 0");
  EXPECT_EQ(ask("SELECT count(*) FROM steps"), "0");
}

TEST_F(advance_test, changed_row_under_repeatable_read_is_retryable) {
  pqxx::connection connection{dsn_};
  pqxx::transaction<pqxx::repeatable_read> tx{connection};
  tx.exec("SELECT FROM jobs LIMIT 1");  // takes the snapshot
  ASSERT_TRUE(run(advance("jobs", 1, "running")));
  try {
    (void)advance("jobs", 1, "running").run(tx);
    ADD_FAILURE() << "moved a row that changed";
  } catch (const error &e) {
    EXPECT_EQ(e.sqlstate(), "40001") << e.what();
    EXPECT_TRUE(e.retryable());
  }
}

TEST_F(advance_test, search_path_cannot_shadow_what_the_sdk_calls) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec(
      "CREATE SCHEMA evil; CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);"
      "CREATE DOMAIN evil.jsonb AS pg_catalog.jsonb CHECK (false);"
      "CREATE DOMAIN evil.name AS pg_catalog.name CHECK (false);"
      "CREATE FUNCTION evil.to_jsonb(pg_catalog.text[]) RETURNS pg_catalog.jsonb LANGUAGE sql"
      " AS 'SELECT NULL::pg_catalog.jsonb'; SET search_path = evil, pg_catalog");
  EXPECT_EQ(advance("public.jobs", 1, "running").set("comment", "x").state_column("status").run(tx).outcome,
            advance_outcome::advanced);
  EXPECT_EQ(advance("public.jobs", 1, "done").expect("comment", "y").run(tx).stale, names{"comment"});
}

// What a plain UPDATE may not do, in every mode that raises.
TEST_F(advance_test, forbidden_saves_are_errors_with_a_kind_and_a_status) {
  sql("ALTER TABLE jobs ADD version integer NOT NULL DEFAULT 1;"
      "SELECT ratchet.guard('jobs', forward => '{progress}', frozen => '{result, progress}', heartbeat => 'alive_at',"
      " idempotency_key => 'request_id', version => 'version', mode => 'reject', states =>"
      " '{\"status\": {\"queued\": [\"running\"], \"running\": [\"done\", \"failed\"], \"done\": [], \"failed\": "
      "[]}}')");
  ASSERT_TRUE(run(advance("jobs", 1, "running").set("progress", 50)));
  struct expected {
    const char *change;
    const char *sqlstate;
    error_kind kind;
    int status;
  };
  for (const auto &c : {expected{"status = 'queued'", "23R02", error_kind::constraint, 409},
                        {"progress = 40", "23R03", error_kind::constraint, 409},
                        {"version = 1", "23R04", error_kind::stale, 412}}) {
    try {
      pqxx::connection connection{dsn_};
      pqxx::work tx{connection};
      try {
        tx.exec("UPDATE jobs SET " + std::string{c.change} + " WHERE id = 1");
      } catch (...) {
        rethrow_as_error();
      }
      ADD_FAILURE() << c.change << " went through";
    } catch (const error &e) {
      EXPECT_EQ(e.sqlstate(), c.sqlstate) << e.what();
      EXPECT_EQ(e.kind(), c.kind) << e.what();
      EXPECT_EQ(http_status(e), c.status);
      EXPECT_FALSE(e.retryable());
    }
  }
  EXPECT_EQ(sqlstate(advance("jobs", 1, "done").set("progress", 40)), "23R03");
  EXPECT_EQ(job(1), "running 50");
}

}  // namespace
}  // namespace ratchet::test
