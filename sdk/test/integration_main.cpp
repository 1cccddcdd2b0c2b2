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

}  // namespace

support::throwaway_server &server() {
  static support::throwaway_server instance{{false, 100}};
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
