#include "race_schema.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <stdexcept>

#include "pqxx_seam.hpp"

namespace ratchet::cli {

namespace {

// The scorecard of a jury, as an application has it. The sequence tells the order of writes: drawn while the writer
// holds the row's lock, its values are in the order in which the writers commit.
constexpr const char *tables = R"(
CREATE SCHEMA {0};
CREATE SEQUENCE {0}.tick;
CREATE TABLE {0}.scorecards (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id         bigint NOT NULL,
    evaluator_id       bigint NOT NULL,
    creator_id         bigint NOT NULL,
    score_idea         integer,
    score_execution    integer,
    score_impact       integer,
    score_presentation integer,
    manually_scored    boolean NOT NULL DEFAULT false,
    comment            text NOT NULL DEFAULT '{1}',
    submitted_at       timestamptz,
    submitter_user_id  bigint,
    submission_source  text,
    created_at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    UNIQUE (project_id, evaluator_id))
)";

// {1} is the contract's gate_by.
constexpr const char *contract =
    "SELECT ratchet.guard('{0}.scorecards', gate => 'submitted_at', gate_by => '{1}', actor => 'submitter_user_id',"
    " owned => '{{submission_source}}')";

constexpr const char *insert =
    "INSERT INTO {0}.scorecards (project_id, evaluator_id, creator_id, score_idea, score_execution, score_impact,"
    " score_presentation) VALUES ($1, 1, 1, 5, 5, 5, 5) RETURNING id";

constexpr const char *select =
    "SELECT (EXTRACT(epoch FROM submitted_at) * 1000000)::bigint, submitter_user_id, comment"
    " FROM {0}.scorecards WHERE id = $1";

}  // namespace

race_connection::race_connection(const std::string &dsn) : connection_(dsn) {
  pqxx::nontransaction session{connection_};
  session.exec(
      "SET search_path = pg_catalog; SET default_transaction_isolation = 'read committed';"
      " SET lock_timeout = '30s'; SET statement_timeout = '60s'; SET application_name = 'pg_ratchet race'");
}

void require_extension(const std::string &dsn) {
  pqxx::connection connection{dsn};
  pqxx::nontransaction session{connection};
  if (!session.exec("SELECT FROM pg_catalog.pg_extension WHERE extname = 'ratchet'").empty()) return;
  throw std::runtime_error("the database lacks the extension: run CREATE EXTENSION ratchet in it first");
}

race_schema::race_schema(const std::string &dsn, variant kind, const std::string &tag, bool keep)
    : race_connection(dsn), name_(fmt::format("ratchet_race_{}_{}", tag, to_string(kind))), keep_(keep) {
  create(kind);
}

race_schema::~race_schema() {
  if (keep_) return;
  try {
    pqxx::nontransaction session{connection_};
    session.exec("DROP SCHEMA " + name_ + " CASCADE");
  } catch (const std::exception &e) {
    std::fprintf(stderr, "pg_ratchet: cannot drop schema %s: %s\n", name_.c_str(), e.what());
  }
}

void race_schema::create(variant kind) {
  pqxx::work tx{connection_};
  tx.exec("SET client_min_messages = error");  // DROP ... CASCADE lists what it drops
  tx.exec(fmt::format(tables, name_, first_comment));
  if (kind != variant::none) tx.exec(fmt::format(contract, name_, to_string(kind)));
  tx.commit();
}

std::int64_t race_schema::new_scorecard(int round) {
  pqxx::nontransaction session{connection_};
  return detail::execute(session, fmt::format(insert, name_), {std::to_string(round)})[0][0].as<std::int64_t>();
}

row_state race_schema::look(std::int64_t id) {
  pqxx::nontransaction session{connection_};
  const auto answer = detail::execute(session, fmt::format(select, name_), {std::to_string(id)});
  row_state state;
  if (!answer[0][0].is_null()) state.submitted_at = answer[0][0].as<std::int64_t>();
  if (!answer[0][1].is_null()) state.submitter = answer[0][1].as<std::string>();
  state.comment = answer[0][2].as<std::string>();
  return state;
}

}  // namespace ratchet::cli
