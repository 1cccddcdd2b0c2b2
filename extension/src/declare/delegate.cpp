// declare/delegate.cpp: ratchet.delegate(), for tables that Citus distributes.
//
// A verb works where its row is. So for each verb that the table has a use for there is a function that calls it, of
// which Citus knows which argument says where to run it:
//
//   CREATE OR REPLACE FUNCTION schema.scorecards_submit(key bigint, actor text DEFAULT NULL, ...)
//     RETURNS ratchet.submit_result LANGUAGE sql VOLATILE
//     AS $$SELECT * FROM ratchet.submit('schema.scorecards'::pg_catalog.regclass, $1, $2, ...)$$
//   SELECT pg_catalog.create_distributed_function('schema.scorecards_submit(bigint, text, ...)'::regprocedure,
//     'key', colocate_with => 'schema.scorecards', force_delegation => true)
//
// Without force_delegation Citus runs it where it is called, if that is in a transaction block.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/tuplestore.h"
}

#include "contract/ddl_support.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "guard/guard_contract.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"

namespace ratchet {

namespace {

// A verb, and what its function takes behind the key.
struct Delegated {
  const char *name;
  const char *parameters;
  const char *types;
  int count;
  const char *result;
};

constexpr Delegated submit{"submit",
                           "actor text DEFAULT NULL, patch jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL, "
                           "child regclass DEFAULT NULL, record jsonb DEFAULT NULL, expect jsonb DEFAULT NULL, "
                           "flush boolean DEFAULT false",
                           "text, jsonb, text, regclass, jsonb, jsonb, boolean", 7, "submit_result"};
constexpr Delegated update{"update", "patch jsonb, expect jsonb DEFAULT NULL", "jsonb, jsonb", 2, "update_result"};
constexpr Delegated advance{
    "advance",
    "state text, patch jsonb DEFAULT NULL, child regclass DEFAULT NULL, record jsonb DEFAULT NULL, "
    "expect jsonb DEFAULT NULL, idempotency_key text DEFAULT NULL, state_column name DEFAULT NULL, "
    "flush boolean DEFAULT false",
    "text, jsonb, regclass, jsonb, jsonb, text, name, boolean", 8, "advance_result"};
constexpr Delegated beat{"beat", "patch jsonb DEFAULT NULL, expect jsonb DEFAULT NULL", "jsonb, jsonb", 2,
                         "beat_result"};
constexpr Delegated amend{"amend", "patch jsonb, actor text, reason text", "jsonb, text, text", 3, "amend_result"};
constexpr Delegated progress{"progress", "", "", 0, "progress_result"};
constexpr Delegated submit_batch{"submit_batch", "records jsonb, flush boolean DEFAULT false", "jsonb, boolean", 2,
                                 "batch_result"};

// What says which row, or which rows, a verb is for.
struct Key {
  const char *parameters;  // the first one says where the row is
  const char *types;
  const char *arguments;  // of the verb
  int count;
  const char *place;  // what the first one is called
};

// What the key alone says, where it is the column that the table is distributed by, or an object that has it.
Key key_of(Relation table, AttrNumber column, const Delegated &verb) {
  const char *type = format_type_be_qualified(get_atttype(RelationGetRelid(table), column));
  const char *name = quote_identifier(get_attname(RelationGetRelid(table), column, false));
  if (&verb == &submit_batch) return {psprintf("%s %s", name, type), type, "", 1, name};
  if (single_primary_key(table) != column)
    return {psprintf("%s %s, key jsonb", name, type), psprintf("%s, jsonb", type), ", $2", 2, name};
  const Oid base = getBaseType(get_atttype(RelationGetRelid(table), column));
  const char *argument = base == INT2OID || base == INT4OID || base == INT8OID ? ", $1::pg_catalog.int8"
                         : base == UUIDOID                                     ? ", $1::pg_catalog.uuid"
                                                                               : ", $1::pg_catalog.text";
  return {psprintf("key %s", type), type, argument, 1, "key"};
}

const char *joined(const char *left, const char *right) {
  return *right == '\0' ? left : psprintf("%s, %s", left, right);
}

// schema.scorecards_submit
const char *name_of(Relation table, const Delegated &verb) {
  const char *name = psprintf("%s_%s", RelationGetRelationName(table), verb.name);
  if (strlen(name) >= NAMEDATALEN)
    ereport(ERROR, errcode(ERRCODE_NAME_TOO_LONG), errmsg("function name \"%s\" would be too long", name),
            errtable(table));
  return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(table)), name);
}

const char *create_sql(Relation table, const Delegated &verb, const Key &key) {
  StringInfoData body;
  initStringInfo(&body);
  appendStringInfo(&body, "SELECT * FROM ratchet.%s(%s::pg_catalog.regclass%s", verb.name,
                   quote_literal_cstr(qualified_relation(RelationGetRelid(table))), key.arguments);
  for (int i = 0; i < verb.count; ++i) appendStringInfo(&body, ", $%d", key.count + i + 1);
  appendStringInfoChar(&body, ')');
  return psprintf("CREATE OR REPLACE FUNCTION %s(%s) RETURNS ratchet.%s LANGUAGE sql VOLATILE AS %s",
                  name_of(table, verb), joined(key.parameters, verb.parameters), verb.result,
                  quote_literal_cstr(body.data));
}

const char *distribute_sql(Relation table, const Delegated &verb, const Key &key) {
  return psprintf(
      "SELECT f::pg_catalog.oid, pg_catalog.create_distributed_function(f, %s, colocate_with => %s, "
      "force_delegation => true) FROM (VALUES (%s::pg_catalog.regprocedure)) v (f)",
      quote_literal_cstr(key.place), quote_literal_cstr(qualified_relation(RelationGetRelid(table))),
      quote_literal_cstr(psprintf("%s(%s)", name_of(table, verb), joined(key.types, verb.types))));
}

// Declares one function, for everybody who may call the verb.
Oid declare(Relation table, AttrNumber column, const Delegated &verb) {
  const Key key = key_of(table, column, verb);
  run_all(list_make1(const_cast<char *>(create_sql(table, verb, key))));
  SPI_connect();
  const char *sql = distribute_sql(table, verb, key);
  if (SPI_execute(sql, false, 0) != SPI_OK_SELECT || SPI_processed != 1) elog(ERROR, "\"%s\" failed", sql);
  bool isnull;
  const Oid function = DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
  SPI_finish();
  return function;
}

// The verbs that have something to do on the table.
List *verbs_of(Relation table) {
  List *verbs = NIL;
  const auto add = [&](const Delegated &verb, bool wanted) {
    if (wanted) verbs = lappend(verbs, const_cast<Delegated *>(&verb));
  };
  if (const Trigger *guard = find_trigger(table, TriggerKind::guard)) {
    const GuardTerms *terms = parse_guard_trigger(CurrentMemoryContext, table, guard);
    add(submit, terms->gate != nullptr);
    add(update, true);
    add(advance, terms->ngraphs > 0);
    add(beat, terms->heartbeat != nullptr);
    add(amend, true);
  }
  add(progress, find_trigger(table, TriggerKind::parent) != nullptr);
  add(submit_batch, find_trigger(table, TriggerKind::child) != nullptr);
  return verbs;
}

[[noreturn]] void refuse(Relation table, const char *detail, const char *hint) {
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("verbs of relation \"%s\" cannot be delegated", RelationGetRelationName(table)),
          errdetail_internal("%s", detail), errhint("%s", hint), errtable(table));
  pg_unreachable();
}

void delegate(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) error_null_argument("target");
  Relation table = open_owned(PG_GETARG_OID(0), AccessShareLock, "delegate its verbs");
  const Oid relid = RelationGetRelid(table);
  if (!is_distributed(relid))
    refuse(table, "It is not distributed by Citus.", "Call the verbs by their own names: they work on this server.");
  const AttrNumber column = distribution_column(relid);
  if (column == InvalidAttrNumber)
    refuse(table, "No column says on which node a row is.", "Call the verbs on the node that has the table's shard.");
  List *verbs = verbs_of(table);
  if (verbs == NIL) refuse(table, "It has no contract.", "Declare one with ratchet.guard() or ratchet.tally().");
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo);
  for (const auto *verb : each<Delegated>(verbs)) {
    Datum values[2] = {CStringGetTextDatum(verb->name), ObjectIdGetDatum(declare(table, column, *verb))};
    bool nulls[2] = {false, false};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  relation_close(table, NoLock);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_delegate) {
  ratchet::delegate(fcinfo);
  return Datum(0);
}
