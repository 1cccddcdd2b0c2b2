// inspect/attempts.cpp: what the view ratchet.attempts reads, and ratchet.prune_attempts().
//
// Each table of attempts is its owner's: nobody reads or prunes one without the owner's rights. Both go by the heap
// alone, as attempts are stored, so that nothing that an owner has hung on his table, a policy, a child table, a
// trigger, a rule, runs as whoever looks at it, a superuser above all. A table that is not as it was made is left out.
#include "pg/pg.h"

extern "C" {
#include "access/heapam.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
}

#include "activity/audit.h"
#include "contract/companion.h"
#include "contract/stored_trigger.h"
#include "guard/attempts_table.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/procedure_call.h"
#include "pg/sqlstate.h"

namespace ratchet {

namespace {

bool has_rights_of_owner(Oid relid) {
  const Oid owner = find_owner_of_relation(relid);
  return OidIsValid(owner) && has_privs_of_role(GetUserId(), owner);
}

// A table of attempts, and where a row has its columns.
struct Attempts {
  Relation table;  // nullptr: it is gone, or the caller's no more, or unfit
  Oid parent;
  AttrNumber columns[attempt_column_count];
};

Attempts open_attempts(Oid oid, LOCKMODE lock) {
  Attempts found{};
  // Before the lock, so that nobody waits for a stranger's table; and after it, because the owner may have changed.
  Relation table = has_rights_of_owner(oid) ? try_relation_open(oid, lock) : nullptr;
  if (table == nullptr) return found;
  found.parent = find_parent_of_attempts(table);
  const bool usable = OidIsValid(found.parent) && has_rights_of_owner(oid);
  const char *fault = usable ? find_attempts_fault(table, found.columns) : nullptr;
  if (fault != nullptr)
    ereport(WARNING, errcode(sqlstate_unenforceable),
            errmsg("attempts in relation \"%s\" are left out: %s", RelationGetRelationName(table), fault));
  if (usable && fault == nullptr)
    found.table = table;
  else
    relation_close(table, lock);
  return found;
}

// -- reading --

// Columns as the view has them: the guarded table comes second.
void put_attempts(const ReturnSetInfo *result, const Attempts &attempts) {
  TupleTableSlot *slot = table_slot_create(attempts.table, nullptr);
  TableScanDesc scan = table_beginscan(attempts.table, GetActiveSnapshot(), 0, nullptr);
  while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
    CHECK_FOR_INTERRUPTS();
    Datum values[attempt_column_count + 1];
    bool nulls[attempt_column_count + 1];
    for (int i = 0; i < attempt_column_count; ++i) {
      const int place = i < 1 ? i : i + 1;
      values[place] = slot_getattr(slot, attempts.columns[i], &nulls[place]);
    }
    values[1] = ObjectIdGetDatum(attempts.parent);
    nulls[1] = false;
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
}

void put_all(FunctionCallInfo fcinfo) {
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo);
  for (const Oid oid : each_oid(companions(TriggerKind::attempts, InvalidOid))) {
    const Attempts attempts = open_attempts(oid, AccessShareLock);
    if (attempts.table == nullptr) continue;
    put_attempts(result, attempts);
    // As after a query, the lock stays: what was shown is there until the end of the transaction.
    relation_close(attempts.table, NoLock);
  }
}

// -- pruning --

constexpr int prune_at_once = 10000;

// What is to go of one table, some rows in each transaction, in the order in which they lie.
struct Pruning {
  Oid table;
  TimestampTz before;
  BlockNumber next;  // what comes before it was looked at
  int64 removed;
};

// Whether the row is gone by this. A row that somebody else is removing is left to him.
bool remove_row(Relation table, TupleTableSlot *slot, Snapshot snapshot) {
  TM_FailureData failure;
  return table_tuple_delete(table, &slot->tts_tid, GetCurrentCommandId(true), snapshot, InvalidSnapshot, false,
                            &failure, false) == TM_Ok;
}

// false: the end of the table was reached.
bool prune_some(Pruning *pruning, const Attempts &attempts) {
  TupleTableSlot *slot = table_slot_create(attempts.table, nullptr);
  const Snapshot snapshot = GetActiveSnapshot();
  TableScanDesc scan = table_beginscan_strat(attempts.table, snapshot, 0, nullptr, true, false);
  const BlockNumber blocks = reinterpret_cast<HeapScanDesc>(scan)->rs_nblocks;
  bool more = pruning->next < blocks;
  int removed = 0;
  if (more) heap_setscanlimits(scan, pruning->next, blocks - pruning->next);
  while (more && removed < prune_at_once) {
    CHECK_FOR_INTERRUPTS();
    more = table_scan_getnextslot(scan, ForwardScanDirection, slot);
    if (!more) break;
    bool isnull;
    const Datum at = slot_getattr(slot, attempts.columns[at_column], &isnull);
    pruning->next = ItemPointerGetBlockNumber(&slot->tts_tid);
    if (DatumGetTimestampTz(at) < pruning->before && remove_row(attempts.table, slot, snapshot)) ++removed;
  }
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  pruning->removed += removed;
  return more;
}

// The rows of one transaction.
bool prune_batch(Pruning *pruning) {
  PreventCommandIfReadOnly("ratchet.prune_attempts()");
  const Attempts attempts = open_attempts(pruning->table, RowExclusiveLock);
  if (attempts.table == nullptr) return false;
  PushActiveSnapshot(GetTransactionSnapshot());
  const bool more = prune_some(pruning, attempts);
  PopActiveSnapshot();
  relation_close(attempts.table, NoLock);
  return more;
}

void prune(FunctionCallInfo fcinfo) {
  require_own_transactions(fcinfo, "ratchet.prune_attempts()");
  if (PG_ARGISNULL(0)) ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("older_than must not be null"));
  const TimestampTz now = GetCurrentTimestamp();
  const TimestampTz before =
      DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(now), PG_GETARG_DATUM(0)));
  if (before > now) ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("older_than must not be negative"));
  // The list and what is in it outlive the transactions, in the memory of this connection to SPI.
  SPI_connect_ext(SPI_OPT_NONATOMIC);
  int64 removed = 0;
  for (const Oid oid : each_oid(companions(TriggerKind::attempts, InvalidOid))) {
    Pruning pruning{oid, before, 0, 0};
    while (prune_batch(&pruning)) SPI_commit();
    SPI_commit();
    removed += pruning.removed;
  }
  ereport(INFO, errmsg_plural("%lld attempt removed", "%lld attempts removed", static_cast<unsigned long>(removed),
                              static_cast<long long>(removed)));
  SPI_finish();
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_attempts) {
  ratchet::put_all(fcinfo);
  return Datum(0);
}

RATCHET_FUNCTION(ratchet_prune_attempts) {
  ratchet::prune(fcinfo);
  PG_RETURN_VOID();
}
