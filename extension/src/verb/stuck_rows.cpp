// Both questions, stuck() and sweep(), are one SELECT with the caller's rights.
#include "verb/stuck_rows.h"

#include "contract/errors.h"
#include "contract/times.h"
#include "guard/policy.h"
#include "pg/primary_key_text.h"
#include "pg/quote.h"

namespace ratchet {

namespace {

const char *since_column(Relation relation, const GuardContract *contract, FunctionCallInfo fcinfo, int argument) {
  if (PG_ARGISNULL(argument)) {
    if (contract->terms->heartbeat == nullptr)
      ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
              errmsg("contract of relation \"%s\" has no heartbeat column", RelationGetRelationName(relation)),
              errhint("Name the column that says when a row was last worked on, for example since => 'updated_at'."),
              errtable(relation));
    return contract->terms->heartbeat;
  }
  const char *name = NameStr(*PG_GETARG_NAME(argument));
  const AttrNumber attnum = get_attnum(RelationGetRelid(relation), name);
  if (attnum <= 0) error_no_column(ERRCODE_INVALID_PARAMETER_VALUE, relation, name);
  const Oid type = getBaseType(get_atttype(RelationGetRelid(relation), attnum));
  if (!is_time(type))
    error_column_unfit(
        ERRCODE_INVALID_PARAMETER_VALUE, relation, name,
        "column \"%s\" of relation \"%s\" cannot be since: its type must be timestamp with time zone or timestamp");
  notice_time_zone(relation, name, contract->terms->time_zone);
  return pstrdup(name);
}

// t."since" as timestamp with time zone
const char *since_time(Relation relation, const GuardContract *contract, const char *column) {
  const Oid relid = RelationGetRelid(relation);
  return timestamptz_sql(getBaseType(get_atttype(relid, get_attnum(relid, column))), contract->terms->time_zone,
                         psprintf("t.%s", quote_identifier(column)));
}

// AND t."status" is none of the terminal states, for each state column; AND the gate is open
void write_unfinished(StringInfo sql, Relation relation, const GuardContract *contract) {
  if (contract->gate != InvalidAttrNumber)
    appendStringInfo(sql, " AND t.%s IS %s", quote_identifier(contract->terms->gate),
                     contract->gate_type == BOOLOID ? "NOT TRUE" : "NULL");
  for (int i = 0; i < contract->nstates; ++i) {
    const GraphTerms *graph = contract->states[i].graph;
    List *terminal = NIL;
    for (int state = 0; state < graph->nstates; ++state)
      if (graph->is_terminal(state)) terminal = lappend(terminal, const_cast<char *>(graph->states[state]));
    if (terminal != NIL)
      appendStringInfo(sql, " AND (%s) IS NOT TRUE", is_among(relation, "t", graph->column, terminal));
  }
}

// The states in which a row is alive.
List *alive_states(const GuardTerms *terms) {
  const GraphTerms &graph = terms->graphs[terms->alive_graph];
  List *states = NIL;
  for (int i = 0; i < graph.nstates; ++i)
    if (terms->alive[i]) states = lappend(states, const_cast<char *>(graph.states[i]));
  return states;
}

// Whether the rows asked for are those in a state that the contract calls alive.
bool asks_for_alive(const StuckRows &rows) { return rows.state == nullptr && rows.contract->terms->alive_graph >= 0; }

// A jsonb, as SQL, of what a row is stuck by: the time, the states and the gate. A verb that expects it judges the row
// again as it was seen.
const char *seen_json(const StuckRows &rows) {
  const GuardContract *contract = rows.contract;
  StringInfoData members;
  initStringInfo(&members);
  const auto add = [&](const char *column) {
    appendStringInfo(&members, "%s%s, %s", members.len > 0 ? ", " : "", quote_literal_cstr(column),
                     column_for_json(rows.relation, "t", column));
  };
  add(rows.since_column);
  for (int i = 0; i < contract->nstates; ++i)
    if (rows.state == nullptr || &contract->states[i] == rows.column) add(contract->states[i].graph->column);
  // Whoever asks for a state does not mind the gate.
  if (rows.state == nullptr && contract->gate != InvalidAttrNumber &&
      strcmp(contract->terms->gate, rows.since_column) != 0)
    add(contract->terms->gate);
  return psprintf("pg_catalog.jsonb_build_object(%s)", members.data);
}

}  // namespace

// The only column that has this state. Errors: 22023.
const StateColumn *column_with_state(Relation relation, const GuardContract *contract, const char *state) {
  const StateColumn *found = nullptr;
  for (int i = 0; i < contract->nstates; ++i)
    for (int j = 0; j < contract->states[i].graph->nstates; ++j) {
      if (strcmp(contract->states[i].graph->states[j], state) != 0) continue;
      if (found != nullptr)
        ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                errmsg("state is one of several columns of relation \"%s\"", RelationGetRelationName(relation)),
                errtable(relation));
      found = &contract->states[i];
    }
  if (found == nullptr && contract->nstates == 1) require_state(relation, &contract->states[0], state);
  if (found == nullptr)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("no column of relation \"%s\" has such a state", RelationGetRelationName(relation)),
            errtable(relation));
  return found;
}

StuckRows read_stuck_rows(Relation relation, const GuardContract *contract, FunctionCallInfo fcinfo, int state_argument,
                          int since_argument) {
  StuckRows rows{};
  rows.relation = relation;
  rows.contract = contract;
  rows.state = PG_ARGISNULL(state_argument) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(state_argument));
  rows.since_column = since_column(relation, contract, fcinfo, since_argument);
  rows.since = since_time(relation, contract, rows.since_column);
  tell_column(&rows, rows.state != nullptr    ? column_with_state(relation, contract, rows.state)
                     : asks_for_alive(rows)   ? &contract->states[contract->terms->alive_graph]
                     : contract->nstates == 1 ? &contract->states[0]
                                              : nullptr);
  return rows;
}

void tell_column(StuckRows *rows, const StateColumn *column) {
  rows->column = column;
  rows->status = column == nullptr ? "NULL::pg_catalog.text" : column_text("t", column->graph->column);
}

void write_stuck_rows(StringInfo sql, const StuckRows &rows, List *from) {
  const bool alive = asks_for_alive(rows);
  appendStringInfo(sql, " FROM %s t WHERE (%s OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) $1)%s)",
                   qualified_relation(RelationGetRelid(rows.relation)), rows.since,
                   // A row that has never shown a sign of life, where it is in a state in which it should.
                   rows.state == nullptr && !alive ? "" : psprintf(" OR %s IS NULL", rows.since));
  if (rows.state == nullptr) write_unfinished(sql, rows.relation, rows.contract);
  if (alive)
    appendStringInfo(
        sql, " AND %s",
        is_among(rows.relation, "t", rows.contract->states[rows.contract->terms->alive_graph].graph->column,
                 alive_states(rows.contract->terms)));
  if (rows.state != nullptr)
    appendStringInfo(
        sql, " AND %s",
        is_among(rows.relation, "t", rows.column->graph->column, list_make1(const_cast<char *>(rows.state))));
  // NULL, not begun, leads to every state.
  if (from != NIL)
    appendStringInfo(sql, " AND (%s OR t.%s IS NULL)", is_among(rows.relation, "t", rows.column->graph->column, from),
                     quote_identifier(rows.column->graph->column));
  appendStringInfo(sql, " ORDER BY %s NULLS FIRST, %s", rows.since, key_order(rows.relation, "t"));
}

const char *told_columns(const StuckRows &rows) {
  return psprintf(
      "%s, %s, %s, CASE WHEN pg_catalog.isfinite(%s) THEN pg_catalog.now() OPERATOR(pg_catalog.-) %s END, %s",
      key_text(rows.relation, "t"), rows.status, rows.since, rows.since, rows.since, seen_json(rows));
}

}  // namespace ratchet
