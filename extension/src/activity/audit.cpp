#include "activity/audit.h"

extern "C" {
#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"
}

#include "pg/fence.h"
#include "pg/heap_update.h"
#include "pg/list.h"
#include "pg/procedure_call.h"
#include "pg/sqlstate.h"
#include "pg/text_array.h"
#include "pg/user_context.h"

namespace ratchet {

namespace {

// As ratchet.attempt has them.
enum Column {
  at_column,
  relation_column,
  key_column,
  outcome_column,
  columns_column,
  actor_column,
  idempotency_key_column,
  role_column,
  client_address_column,
  application_name_column,
  transaction_column,
  column_count
};

Oid find_table() { return get_relname_relid("attempt", get_namespace_oid("ratchet", false)); }

Relation open_table() {
  const Oid oid = find_table();
  Relation table = OidIsValid(oid) ? table_open(oid, RowExclusiveLock) : nullptr;
  if (table == nullptr || RelationGetDescr(table)->natts != column_count || table->rd_rel->relkind != RELKIND_RELATION)
    ereport(ERROR, errcode(sqlstate_unenforceable), errmsg("table ratchet.attempt is not as the extension has made it"),
            errhint("Attempts under contracts with audit => true are stored there."));
  return table;
}

// NULL over a Unix socket.
Datum client_address(bool *isnull) {
  LOCAL_FCINFO(fcinfo, 0);
  InitFunctionCallInfoData(*fcinfo, nullptr, 0, InvalidOid, nullptr, nullptr);
  const Datum address = inet_client_addr(fcinfo);
  *isnull = fcinfo->isnull;
  return address;
}

// role: who makes the attempt, before anybody else is become.
HeapTuple form_attempt(Relation table, Oid relation, Event event, const List *columns, const Description &told,
                       Oid role) {
  Datum values[column_count];
  bool nulls[column_count] = {};
  const auto put_text = [&](Column column, const char *text) {
    nulls[column] = text == nullptr;
    values[column] = text == nullptr ? Datum(0) : CStringGetTextDatum(text);
  };
  values[at_column] = TimestampTzGetDatum(GetCurrentTimestamp());
  values[relation_column] = ObjectIdGetDatum(relation);
  put_text(key_column, told.key);
  put_text(outcome_column, name_of(event));
  nulls[columns_column] = columns == NIL;
  values[columns_column] = columns == NIL ? Datum(0) : text_array(columns);
  put_text(actor_column, told.actor);
  put_text(idempotency_key_column, told.idempotency_key);
  put_text(role_column, GetUserNameFromId(role, true));
  values[client_address_column] = client_address(&nulls[client_address_column]);
  put_text(application_name_column, application_name);
  values[transaction_column] = FullTransactionIdGetDatum(GetTopFullTransactionId());
  return heap_form_tuple(RelationGetDescr(table), values, nulls);
}

// -- pruning --

constexpr int prune_at_once = 10000;

// The oldest rows first, as many as one transaction takes, of tables that the role owns; of those that are no more a
// superuser's.
constexpr const char *prune_statement =
    "DELETE FROM ratchet.attempt WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT a.ctid FROM ratchet.attempt a"
    " LEFT JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.relation"
    " WHERE a.at OPERATOR(pg_catalog.<) $1 AND CASE WHEN c.oid IS NULL THEN $3"
    " ELSE pg_catalog.pg_has_role($2, c.relowner, 'USAGE') END ORDER BY a.at LIMIT $4))";

int64 prune_batch(TimestampTz before) {
  Oid types[] = {TIMESTAMPTZOID, OIDOID, BOOLOID, INT4OID};
  Datum values[] = {TimestampTzGetDatum(before), ObjectIdGetDatum(GetUserId()), BoolGetDatum(superuser()),
                    Int32GetDatum(prune_at_once)};
  Relation table = open_table();
  const Oid owner = table->rd_rel->relowner;
  table_close(table, NoLock);
  const int level = NewGUCNestLevel();
  set_local("search_path", "pg_catalog, pg_temp");
  const User caller = become(owner, SECURITY_RESTRICTED_OPERATION);
  const int result = SPI_execute_with_args(prune_statement, lengthof(types), types, values, nullptr, false, 0);
  if (result != SPI_OK_DELETE) elog(ERROR, "could not prune attempts: %s", SPI_result_code_string(result));
  restore(caller);
  AtEOXact_GUC(true, level);
  return static_cast<int64>(SPI_processed);
}

void prune(FunctionCallInfo fcinfo) {
  require_own_transactions(fcinfo, "ratchet.prune_attempts()");
  if (PG_ARGISNULL(0)) ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("older_than must not be null"));
  const TimestampTz now = GetCurrentTimestamp();
  const TimestampTz before =
      DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(0)));
  if (before > now) ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("older_than must not be negative"));
  SPI_connect_ext(SPI_OPT_NONATOMIC);
  int64 pruned = 0;
  int64 batch;
  do {
    CHECK_FOR_INTERRUPTS();
    batch = prune_batch(before);
    pruned += batch;
    SPI_commit();
  } while (batch == prune_at_once);
  ereport(INFO, errmsg_plural("%lld attempt removed", "%lld attempts removed", static_cast<unsigned long>(pruned),
                              static_cast<long long>(pruned)));
  SPI_finish();
}

}  // namespace

void audit_attempt(Oid relation, Event event, const List *columns, const Description &told) {
  Relation table = open_table();
  HeapTuple row = form_attempt(table, relation, event, columns, told, GetUserId());
  const User caller = become(table->rd_rel->relowner, SECURITY_RESTRICTED_OPERATION);
  insert_row(table, row);
  restore(caller);
  table_close(table, NoLock);
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_prune_attempts) {
  ratchet::prune(fcinfo);
  PG_RETURN_VOID();
}
