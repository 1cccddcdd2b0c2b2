#include "activity/audit.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"
}

#include "pg/heap_update.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/sqlstate.h"
#include "pg/text_array.h"

namespace ratchet {

const AttemptColumnType attempt_columns[attempt_column_count] = {
    {"at", TIMESTAMPTZOID, "pg_catalog.timestamptz", true},
    {"key", TEXTOID, "pg_catalog.text", false},
    {"outcome", TEXTOID, "pg_catalog.text", true},
    {"columns", TEXTARRAYOID, "pg_catalog.text[]", false},
    {"actor", TEXTOID, "pg_catalog.text", false},
    {"idempotency_key", TEXTOID, "pg_catalog.text", false},
    {"role", TEXTOID, "pg_catalog.text", false},
    {"client_address", INETOID, "pg_catalog.inet", false},
    {"application_name", TEXTOID, "pg_catalog.text", false},
    {"transaction", XID8OID, "pg_catalog.xid8", true},
};

namespace {

// Whoever stores a row must wait for nobody, as an entry in a unique index would, and compute nothing.
bool is_plain_index(Oid index) {
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  const bool plain = !form->indisunique && !form->indisexclusion &&
                     heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
                     heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
  ReleaseSysCache(tuple);
  return plain;
}

// NULL over a Unix socket.
Datum client_address(bool *isnull) {
  LOCAL_FCINFO(fcinfo, 0);
  InitFunctionCallInfoData(*fcinfo, nullptr, 0, InvalidOid, nullptr, nullptr);
  const Datum address = inet_client_addr(fcinfo);
  *isnull = fcinfo->isnull;
  return address;
}

HeapTuple form_attempt(Relation table, const AttrNumber *columns, Event event, const List *names,
                       const Description &told) {
  const TupleDesc tupdesc = RelationGetDescr(table);
  auto *values = palloc0_array<Datum>(tupdesc->natts);
  auto *nulls = palloc_array<bool>(tupdesc->natts);
  memset(nulls, true, tupdesc->natts * sizeof(bool));
  const auto put = [&](AttemptColumn column, Datum value) {
    values[columns[column] - 1] = value;
    nulls[columns[column] - 1] = false;
  };
  const auto put_text = [&](AttemptColumn column, const char *text) {
    if (text != nullptr) put(column, CStringGetTextDatum(text));
  };
  put(at_column, TimestampTzGetDatum(GetCurrentTimestamp()));
  put_text(key_column, told.key);
  put_text(outcome_column, name_of(event));
  if (names != NIL) put(columns_column, text_array(names));
  put_text(actor_column, told.actor);
  put_text(idempotency_key_column, told.idempotency_key);
  put_text(role_column, GetUserNameFromId(GetUserId(), true));
  bool no_address;
  const Datum address = client_address(&no_address);
  if (!no_address) put(client_address_column, address);
  put_text(application_name_column, application_name);
  put(transaction_column, FullTransactionIdGetDatum(GetTopFullTransactionId()));
  return heap_form_tuple(tupdesc, values, nulls);
}

[[noreturn]] void error_attempts(Oid relation, const char *fault) {
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("attempts at rows of relation \"%s\" cannot be stored", get_rel_name(relation)),
          errdetail_internal("%s", fault), errhint("%s", attempts_hint));
  pg_unreachable();
}

}  // namespace

const char *find_attempts_fault(Relation table, AttrNumber *columns) {
  const char *name = RelationGetRelationName(table);
  // A crash would empty the one, and no other session reaches the other.
  if (table->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
    return psprintf("table \"%s\" is unlogged, or temporary", name);
  bool fits = is_plain_heap(table);
  int more = -attempt_column_count;
  for (int i = 0; i < RelationGetDescr(table)->natts; ++i)
    if (!TupleDescAttr(RelationGetDescr(table), i)->attisdropped) ++more;
  for (int i = 0; fits && i < attempt_column_count; ++i) {
    columns[i] = column_with(table, attempt_columns[i].name, attempt_columns[i].type, attempt_columns[i].not_null);
    fits = columns[i] != InvalidAttrNumber;
  }
  if (!fits || more != 0) return psprintf("table \"%s\" is not as ratchet.guard() has made it", name);
  for (const Oid oid : each_oid(RelationGetIndexList(table)))
    if (!is_plain_index(oid))
      return psprintf("index \"%s\" of table \"%s\" is unique, over an expression, or has a condition",
                      get_rel_name(oid), name);
  return nullptr;
}

void audit_attempt(Oid relation, Oid attempts, Event event, const List *columns, const Description &told) {
  Relation table = OidIsValid(attempts) ? try_relation_open(attempts, RowExclusiveLock) : nullptr;
  if (table == nullptr) error_attempts(relation, "there is no table for them, or it has another owner");
  // Looked at with the lock held: it may have been altered while that was waited for.
  AttrNumber places[attempt_column_count];
  const char *fault = find_attempts_fault(table, places);
  if (fault != nullptr) error_attempts(relation, fault);
  insert_row(table, form_attempt(table, places, event, columns, told));
  relation_close(table, NoLock);
}

}  // namespace ratchet
