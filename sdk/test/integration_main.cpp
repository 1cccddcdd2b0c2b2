#include <iostream>

#include "interrupt_watch.hpp"
#include "server_test.hpp"

namespace ratchet::test {

namespace {

constexpr const char *tables = R"(
CREATE EXTENSION ratchet;
CREATE TABLE scorecards (
    id                bigint PRIMARY KEY,
    comment           text,
    score             numeric,
    weight            double precision,
    final             boolean,
    details           jsonb,
    submitted_at      timestamptz,
    submitter_user_id bigint,
    submission_source text,
    request_id        uuid);
SELECT ratchet.guard('scorecards', gate => 'submitted_at', gate_by => 'submit', actor => 'submitter_user_id',
                     idempotency_key => 'request_id', owned => '{submission_source}');
CREATE TABLE records (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scorecard_id bigint NOT NULL REFERENCES scorecards,
    evaluator_id bigint NOT NULL,
    verdict      text,
    CONSTRAINT one_record_each UNIQUE (scorecard_id, evaluator_id));
CREATE SCHEMA "Other";
CREATE TABLE "Other"."Défense" (
    project_id   bigint,
    evaluator_id bigint,
    submitted    boolean NOT NULL DEFAULT false,
    submitter    text,
    PRIMARY KEY (project_id, evaluator_id));
SELECT ratchet.guard('"Other"."Défense"', gate => 'submitted', actor => 'submitter', mode => 'reject');
CREATE TABLE plain (id bigint PRIMARY KEY, comment text);
INSERT INTO scorecards (id, comment, score) SELECT i, 'draft', 1 FROM generate_series(1, 100) i;
INSERT INTO "Other"."Défense" VALUES (1, 7), (1, 8);
INSERT INTO plain VALUES (1, 'draft');
)";

constexpr const char *tallied_tables = R"sql(
CREATE TABLE runs (
    id              bigint PRIMARY KEY,
    name            text,
    total           integer,
    evaluated_count integer,
    correct_count   bigint,
    score_total     numeric,
    is_completed    boolean,
    completed_at    timestamptz);
CREATE TABLE results (
    run_id      bigint NOT NULL REFERENCES runs,
    question_id integer NOT NULL,
    is_correct  boolean NOT NULL,
    score       numeric CHECK (score >= 0),
    note        text,
    CONSTRAINT one_result_each UNIQUE (run_id, question_id));
CREATE TABLE completions (run_id bigint);
CREATE FUNCTION complete(bigint) RETURNS void LANGUAGE sql AS 'INSERT INTO public.completions VALUES ($1)';
SELECT ratchet.tally('results', 'runs',
                     '{"evaluated_count": "true", "correct_count": "is_correct", "score_total": "sum(score)"}',
                     total => 'total', done => 'is_completed', done_at => 'completed_at',
                     on_done => 'complete(bigint)');
INSERT INTO runs (id, name, total) VALUES (1, 'first', 4), (2, 'second', 2), (3, 'third', NULL);
CREATE TABLE "Other"."Läufe" (project_id bigint, year integer, evaluated bigint, PRIMARY KEY (project_id, year));
CREATE TABLE "Other"."Ergebnisse" (
    id         uuid PRIMARY KEY,
    project_id bigint,
    year       integer,
    FOREIGN KEY (project_id, year) REFERENCES "Other"."Läufe");
SELECT ratchet.tally('"Other"."Ergebnisse"', '"Other"."Läufe"', '{"evaluated": "true"}');
INSERT INTO "Other"."Läufe" VALUES (1, 2025), (1, 2026);
)sql";

constexpr const char *job_tables = R"sql(
CREATE TABLE jobs (
    id         bigint PRIMARY KEY,
    status     text NOT NULL DEFAULT 'queued',
    progress   integer NOT NULL DEFAULT 0,
    result     text,
    alive_at   timestamptz,
    request_id uuid,
    comment    text,
    updated_at timestamptz NOT NULL DEFAULT now());
SELECT ratchet.guard('jobs', forward => '{progress}', frozen => '{result, progress}', heartbeat => 'alive_at',
                     idempotency_key => 'request_id',
                     states => '{"status": {"queued": ["running"], "running": ["done", "failed"],
                                            "done": [], "failed": []}}');
INSERT INTO jobs (id) SELECT i FROM generate_series(1, 30) i;
CREATE TABLE steps (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id bigint NOT NULL REFERENCES jobs,
    name   text);
CREATE TABLE notes (
    job_id bigint NOT NULL REFERENCES jobs,
    slot   integer NOT NULL,
    CONSTRAINT one_note_each UNIQUE (job_id, slot));
-- Every version of every job, in the order of the commits: the number is drawn while the row is locked.
CREATE TABLE history (
    n        bigint GENERATED ALWAYS AS IDENTITY,
    job_id   bigint,
    status   text,
    progress integer,
    alive_at timestamptz);
CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.history (job_id, status, progress, alive_at)
    VALUES (NEW.id, NEW.status, NEW.progress, NEW.alive_at);
    RETURN NULL;
END $$;
CREATE TRIGGER remember AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION remember();
CREATE TYPE "Other".phase AS ENUM ('draft', 'printed');
CREATE TABLE "Other"."Aufträge" (
    project_id bigint,
    slot       text,
    phase      "Other".phase NOT NULL DEFAULT 'draft',
    level      smallint,
    seen_at    timestamp,
    PRIMARY KEY (project_id, slot));
SELECT ratchet.guard('"Other"."Aufträge"', states => '{"phase": {"draft": ["printed"], "printed": []},
                                                       "level": {"1": [2], "2": [3], "3": []}}');
INSERT INTO "Other"."Aufträge" (project_id, slot, seen_at) VALUES (1, 'a "b"', '2020-01-01'), (2, 'c', '2020-01-02');
)sql";

}  // namespace

support::throwaway_server &server() {
  static support::throwaway_server instance{{false, 100, "ratchet"}};
  return instance;
}

void server_test::SetUp() {
  static int count = 0;
  dsn_ = server().create_database("test_" + std::to_string(++count));
  sql(tables);
}

void tally_test::SetUp() {
  server_test::SetUp();
  sql(tallied_tables);
}

void job_test::SetUp() {
  server_test::SetUp();
  sql(job_tables);
}

pqxx::result server_test::sql(const std::string &text) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  auto result = tx.exec(text);
  tx.commit();
  return result;
}

std::string server_test::ask(const std::string &text) {
  const auto result = sql(text);
  return result.at(0)[0].is_null() ? "NULL" : result[0][0].as<std::string>();
}

}  // namespace ratchet::test

namespace {

class server_environment : public ::testing::Environment {
  void SetUp() override { ratchet::test::server().start(); }
  void TearDown() override { ratchet::test::server().stop(); }
};

}  // namespace

int main(int argc, char **argv) {
  ::testing::InitGoogleTest(&argc, argv);
  ratchet::support::forget_pg_environment();
  const ratchet::support::interrupt_watch watch{[] {
    ratchet::test::server().stop();
    return true;
  }};
  ::testing::AddGlobalTestEnvironment(new server_environment);  // gtest owns it
  return RUN_ALL_TESTS();
}
