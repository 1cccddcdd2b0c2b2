#include "race/gate/schema.hpp"

#include <fmt/format.h>

#include "pqxx_seam.hpp"

namespace ratchet::cli::gate {

namespace {

// The scorecard of a jury, as an application has it. The sequence tells the order of writes: drawn while the writer
// holds the row's lock, its values are in the order in which the writers commit.
constexpr const char *tables = R"(
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

schema::schema(const std::string &dsn, variant kind, const std::string &tag, bool keep)
    : scratch_schema(dsn, tag, to_string(kind), keep) {
  execute(fmt::format(tables, name(), first_comment));
  if (kind != variant::none) execute(fmt::format(contract, name(), to_string(kind)));
}

std::int64_t schema::new_scorecard(int round) {
  pqxx::nontransaction session{connection_};
  return detail::execute(session, fmt::format(insert, name()), {std::to_string(round)})[0][0].as<std::int64_t>();
}

row_state schema::look(std::int64_t id) {
  pqxx::nontransaction session{connection_};
  const auto answer = detail::execute(session, fmt::format(select, name()), {std::to_string(id)});
  row_state state;
  if (!answer[0][0].is_null()) state.submitted_at = answer[0][0].as<std::int64_t>();
  if (!answer[0][1].is_null()) state.submitter = answer[0][1].as<std::string>();
  state.comment = answer[0][2].as<std::string>();
  return state;
}

}  // namespace ratchet::cli::gate
