// inspect/stuck_orphans.cpp: ratchet.stuck() and ratchet.orphans(), rows that nobody works on any more.
//
// Both are one SELECT with the caller's rights. Rows are answered by their
// key as text, as the verbs take it, so that the answer can be handed to them.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "executor/spi.h"
#include "funcapi.h"
}

#include "contract/errors.h"
#include "contract/times.h"
#include "guard/guard_contract.h"
#include "guard/policy.h"
#include "pg/fence.h"
#include "pg/memory.h"
#include "pg/primary_key_text.h"
#include "pg/quote.h"
#include "verb/record.h"

namespace ratchet {

namespace {

Relation open_readable(FunctionCallInfo fcinfo, int argument, const char *name) {
  if (PG_ARGISNULL(argument)) error_null_argument(name);
  const Oid relid = PG_GETARG_OID(argument);
  require_right(relid, ACL_SELECT);
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid));
  return relation;
}

const GuardContract *contract_with_states(Relation relation) {
  const Trigger *trigger = find_trigger(relation, TriggerKind::guard);
  if (trigger == nullptr) error_no_contract(relation);
  return load_guard_contract(relation, trigger);
}

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

// Runs the query and puts its rows into the set that is answered.
void answer_query(FunctionCallInfo fcinfo, const char *sql, int count, Oid *types, Datum *values) {
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  SPI_connect();
  if (SPI_execute_with_args(sql, count, types, values, nullptr, true, 0) != SPI_OK_SELECT)
    elog(ERROR, "looking for rows failed");
  auto *columns = palloc_array<Datum>(SPI_tuptable->tupdesc->natts);
  auto *nulls = palloc_array<bool>(SPI_tuptable->tupdesc->natts);
  for (uint64 i = 0; i < SPI_processed; ++i) {
    heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, columns, nulls);
    tuplestore_putvalues(result->setResult, result->setDesc, columns, nulls);
  }
  SPI_finish();
}

//   SELECT <key>, <text of t."status">, t."since"::timestamptz, now() - t."since"::timestamptz
//   FROM schema.table t WHERE (t."since"::timestamptz < now() - $1 OR t."since"::timestamptz IS NULL)
//   AND <not finished> AND <in one of the states>
//   ORDER BY t."since"
// Without states neither the NULLs, which are rows that nobody has begun with, nor the last condition.
void stuck(FunctionCallInfo fcinfo) {
  Relation relation = open_readable(fcinfo, 0, "target");
  if (PG_ARGISNULL(1)) error_null_argument("older_than");
  const GuardContract *contract = contract_with_states(relation);
  const char *state = PG_ARGISNULL(2) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(2));
  const char *since = since_time(relation, contract, since_column(relation, contract, fcinfo, 3));
  const GuardTerms *terms = contract->terms;
  const bool alive = state == nullptr && terms->alive_graph >= 0;
  const StateColumn *column = state != nullptr         ? column_with_state(relation, contract, state)
                              : alive                  ? &contract->states[terms->alive_graph]
                              : contract->nstates == 1 ? &contract->states[0]
                                                       : nullptr;
  const char *status = column == nullptr ? "NULL::pg_catalog.text" : column_text("t", column->graph->column);
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql,
                   "SELECT %s, %s, %s, CASE WHEN pg_catalog.isfinite(%s) THEN pg_catalog.now() OPERATOR(pg_catalog.-) "
                   "%s END FROM %s t"
                   " WHERE (%s OPERATOR(pg_catalog.<) (pg_catalog.now() OPERATOR(pg_catalog.-) $1)%s)",
                   key_text(relation, "t"), status, since, since, since, qualified_relation(RelationGetRelid(relation)),
                   since,
                   // A row that has never shown a sign of life, where it is in a state in which it should.
                   state == nullptr && !alive ? "" : psprintf(" OR %s IS NULL", since));
  Oid types[] = {INTERVALOID};
  Datum values[] = {PG_GETARG_DATUM(1)};
  if (state == nullptr) write_unfinished(&sql, relation, contract);
  if (state != nullptr || alive)
    appendStringInfo(&sql, " AND %s",
                     is_among(relation, "t", column->graph->column,
                              alive ? alive_states(terms) : list_make1(const_cast<char *>(state))));
  appendStringInfo(&sql, " ORDER BY %s NULLS FIRST, %s", since, key_order(relation, "t"));
  answer_query(fcinfo, sql.data, 1, types, values);
  relation_close(relation, NoLock);
}

//   SELECT <key of r>, <key of t>, <text of t."status"> FROM schema.child r JOIN schema.table t
//   ON t."id" = r."reference" ... WHERE <t."status" is the state> ORDER BY <key of r>
void orphans(FunctionCallInfo fcinfo) {
  Relation relation = open_readable(fcinfo, 0, "target");
  Relation child = open_readable(fcinfo, 1, "child");
  if (PG_ARGISNULL(2)) error_null_argument("state");
  const char *state = text_to_cstring(PG_GETARG_TEXT_PP(2));
  const GuardContract *contract = contract_with_states(relation);
  const char *column = column_with_state(relation, contract, state)->graph->column;
  const ForeignKeyCacheInfo *reference = only_reference(child, relation);
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT %s, %s, %s FROM %s r JOIN %s t ON ", key_text(child, "r"), key_text(relation, "t"),
                   column_text("t", column), qualified_relation(RelationGetRelid(child)),
                   qualified_relation(RelationGetRelid(relation)));
  for (int i = 0; i < reference->nkeys; ++i)
    appendStringInfo(&sql, "%st.%s %s r.%s", i > 0 ? " AND " : "",
                     quote_identifier(get_attname(RelationGetRelid(relation), reference->confkey[i], false)),
                     qualified_operator(reference->conpfeqop[i]),
                     quote_identifier(get_attname(RelationGetRelid(child), reference->conkey[i], false)));
  appendStringInfo(&sql, " WHERE %s ORDER BY %s",
                   is_among(relation, "t", column, list_make1(const_cast<char *>(state))), key_order(child, "r"));
  answer_query(fcinfo, sql.data, 0, nullptr, nullptr);
  relation_close(child, NoLock);
  relation_close(relation, NoLock);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_stuck) {
  ratchet::stuck(fcinfo);
  return Datum(0);
}

RATCHET_FUNCTION(ratchet_orphans) {
  ratchet::orphans(fcinfo);
  return Datum(0);
}
