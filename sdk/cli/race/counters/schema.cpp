#include "race/counters/schema.hpp"

#include <fmt/format.h>

#include "pqxx_seam.hpp"

namespace ratchet::cli::counters {

namespace {

// The run of an evaluation, as an application has it. What is done on completion, such as sending a mail, leaves a row
// in completions.
constexpr const char *tables = R"(
CREATE TABLE {0}.runs (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    total           integer NOT NULL,
    evaluated_count integer NOT NULL DEFAULT 0,
    correct_count   integer NOT NULL DEFAULT 0,
    is_completed    boolean NOT NULL DEFAULT false);
CREATE TABLE {0}.results (
    run_id      bigint NOT NULL REFERENCES {0}.runs,
    question_id integer NOT NULL,
    is_correct  boolean NOT NULL,
    PRIMARY KEY (run_id, question_id));
CREATE TABLE {0}.completions (
    run_id bigint NOT NULL)
)";

constexpr const char *contract = R"(
CREATE FUNCTION {0}.complete(run_id bigint) RETURNS void LANGUAGE sql
    AS 'INSERT INTO {0}.completions VALUES ($1)';
SELECT ratchet.tally('{0}.results', '{0}.runs', '{{"evaluated_count": "true", "correct_count": "is_correct"}}',
                     total => 'total', done => 'is_completed', on_done => '{0}.complete(bigint)')
)";

constexpr const char *insert = "INSERT INTO {0}.runs (total) VALUES ($1) RETURNING id";

constexpr const char *select = R"(
SELECT total, evaluated_count, correct_count, is_completed,
       (SELECT count(*) FROM {0}.results WHERE run_id = r.id),
       (SELECT count(*) FROM {0}.results WHERE run_id = r.id AND is_correct),
       (SELECT count(*) FROM {0}.completions WHERE run_id = r.id)
FROM {0}.runs r WHERE id = $1)";

}  // namespace

schema::schema(const std::string &dsn, variant kind, const std::string &tag, bool keep)
    : scratch_schema(dsn, tag, to_string(kind), keep) {
  execute(fmt::format(tables, name()));
  if (kind == variant::tally) execute(fmt::format(contract, name()));
}

std::int64_t schema::new_run(int total) {
  pqxx::nontransaction session{connection_};
  return detail::execute(session, fmt::format(insert, name()), {std::to_string(total)})[0][0].as<std::int64_t>();
}

run_state schema::look(std::int64_t id) {
  pqxx::nontransaction session{connection_};
  const auto answer = detail::execute(session, fmt::format(select, name()), {std::to_string(id)});
  run_state state;
  state.total = answer[0][0].as<std::int64_t>();
  state.evaluated_count = answer[0][1].as<std::int64_t>();
  state.correct_count = answer[0][2].as<std::int64_t>();
  state.is_completed = answer[0][3].as<bool>();
  state.results = answer[0][4].as<std::int64_t>();
  state.correct = answer[0][5].as<std::int64_t>();
  state.completions = answer[0][6].as<std::int64_t>();
  return state;
}

}  // namespace ratchet::cli::counters
