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
#include "pg/guc_nest.h"
#include "pg/memory.h"
#include "pg/primary_key_text.h"
#include "pg/quote.h"
#include "verb/record.h"
#include "verb/stuck_rows.h"

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

// Runs the query and puts its rows into the set that is answered.
void answer_query(FunctionCallInfo fcinfo, const char *sql, int count, Oid *types, Datum *values) {
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  SPI_connect();
  const int level = pin_key_text();
  if (SPI_execute_with_args(sql, count, types, values, nullptr, true, 0) != SPI_OK_SELECT)
    elog(ERROR, "looking for rows failed");
  AtEOXact_GUC(true, level);
  auto *columns = palloc_array<Datum>(SPI_tuptable->tupdesc->natts);
  auto *nulls = palloc_array<bool>(SPI_tuptable->tupdesc->natts);
  for (uint64 i = 0; i < SPI_processed; ++i) {
    heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, columns, nulls);
    tuplestore_putvalues(result->setResult, result->setDesc, columns, nulls);
  }
  SPI_finish();
}

//   SELECT <key>, <text of t."status">, t."since"::timestamptz, now() - t."since"::timestamptz, <what it was seen as>
//   FROM <stuck>
void stuck(FunctionCallInfo fcinfo) {
  Relation relation = open_readable(fcinfo, 0, "target");
  if (PG_ARGISNULL(1)) error_null_argument("older_than");
  const StuckRows rows = read_stuck_rows(relation, contract_with_states(relation), fcinfo, 2, 3);
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT %s", told_columns(rows));
  write_stuck_rows(&sql, rows);
  Oid types[] = {INTERVALOID};
  Datum values[] = {PG_GETARG_DATUM(1)};
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

RATCHET_FUNCTION(ratchet_stuck_0_2) {
  ratchet::stuck(fcinfo);
  return Datum(0);
}

RATCHET_FUNCTION(ratchet_orphans) {
  ratchet::orphans(fcinfo);
  return Datum(0);
}
