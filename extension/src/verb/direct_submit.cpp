// verb/direct_submit.cpp: an index lookup and a heap update, as ExecUpdate() would do them.
//
// Starting up and ending the executor is half of what a submit costs. Where a
// table has no check constraints, generated columns, rules, policies or
// partitions, no update triggers but the guard and foreign keys', and the
// caller may read and update all of it, everything that the executor would do
// for this one statement is done here: find the row by its primary key in a
// snapshot of its own, store it with wait, insert index entries unless the
// update was HOT.
//
// Concurrency is that of an UPDATE. table_tuple_update() waits for a writer
// that has the row; when that one commits, READ COMMITTED looks the row up
// again in a new snapshot, which sees the commit, and REPEATABLE READ raises
// 40001. So of many only the first to commit finds the gate open, and after a
// rollback the next one does.
//
// A foreign key's trigger need not fire while its columns stay as they are,
// but for one case: a row that this transaction has inserted, whose pending
// check looks at the version it was queued for. Both are left to the executor.
#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_trigger.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/snapmgr.h"
}

#include "guard/guard_trigger.h"
#include "pg/foreign_key.h"
#include "pg/heap_update.h"
#include "pg/memory.h"
#include "verb/direct_submit.h"

namespace ratchet {

namespace {

// Whether a column takes part in a foreign key, on either side, or could.
bool is_key_column(Relation relation, const Bitmapset *keys, AttrNumber attnum) {
  return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, keys) || is_in_foreign_key(relation, attnum);
}

// Plain values of the columns' own types, none of them in a key.
bool fits(Relation relation, const Fields &set) {
  const Bitmapset *keys = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_KEY);
  for (const Field &field : set) {
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), field.attnum - 1);
    if (field.isnull || attribute->atttypid != field.type || attribute->atttypmod != -1 ||
        get_typtype(field.type) == TYPTYPE_DOMAIN || is_key_column(relation, keys, field.attnum))
      return false;
  }
  return true;
}

bool may_read_and_update(Oid relid) {
  return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
         pg_class_aclcheck(relid, GetUserId(), ACL_UPDATE) == ACLCHECK_OK;
}

// The row with this key that the active snapshot sees; false: none.
bool find_row(const Target &target, Relation index, TupleTableSlot *slot) {
  GuardContract *contract = target.contract;
  ScanKeyData key;
  ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, index->rd_indcollation[0],
                                 &contract->primary_equal, target.key.items[0].value);
  IndexScanDesc scan = begin_index_scan(target.relation, index, GetActiveSnapshot(), 1);
  index_rescan(scan, &key, 1, nullptr, 0);
  const bool found = index_getnext_slot(scan, ForwardScanDirection, slot);
  if (found) ExecMaterializeSlot(slot);
  index_endscan(scan);
  return found;
}

HeapTuple with_fields(Relation relation, HeapTuple row, const Fields &set) {
  auto *attnums = palloc_array<int>(set.count);
  auto *values = palloc_array<Datum>(set.count);
  auto *nulls = palloc0_array<bool>(set.count);
  for (int i = 0; i < set.count; ++i) {
    attnums[i] = set.items[i].attnum;
    values[i] = set.items[i].value;
  }
  return heap_modify_tuple_by_cols(row, RelationGetDescr(relation), set.count, attnums, values, nulls);
}

[[noreturn]] void error_serialization(bool deleted) {
  // The executor's own words, which callers may know.
  ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
          deleted ? errmsg("could not serialize access due to concurrent delete")
                  : errmsg("could not serialize access due to concurrent update"));
  pg_unreachable();
}

// Stores the row that was found; false: somebody else has changed it meanwhile.
bool store_row(Relation relation, TupleTableSlot *found, const Fields &set) {
  bool own;
  HeapTuple row = with_fields(relation, ExecFetchSlotHeapTuple(found, false, &own), set);
  const TM_Result result = store_version(relation, found, row);
  if (result == TM_Ok) return true;
  if (IsolationUsesXactSnapshot()) error_serialization(result == TM_Deleted);
  return false;
}

// One attempt in the active snapshot; empty result: the row changed meanwhile.
bool attempt(const Target &target, Relation index, const Fields &set, Closing *closing, HeapTuple *row) {
  Relation relation = target.relation;
  const GuardContract *contract = target.contract;
  TupleTableSlot *found = table_slot_create(relation, nullptr);
  bool decided = true;
  if (!find_row(target, index, found)) {
    *closing = Closing::unable;
  } else {
    bool isnull;
    const Datum gate = slot_getattr(found, contract->gate, &isnull);
    if (gate_is_closed(contract, gate, isnull)) {
      *row = ExecCopySlotHeapTuple(found);
      *closing = Closing::closed;
    } else if (is_inserted_by_us(found)) {
      *closing = Closing::unable;
    } else {
      decided = store_row(relation, found, set);
      *closing = Closing::done;
    }
  }
  ExecDropSingleTupleTableSlot(found);
  return decided;
}

}  // namespace

Closing close_directly(const Target &target, const Fields &set, HeapTuple *row) {
  Relation relation = target.relation;
  const GuardContract *contract = target.contract;
  // An extension that checks or audits what the executor touches must see it.
  if (ExecutorCheckPerms_hook != nullptr) return Closing::unable;
  // Not if DDL has come between, from a function that the reading of an argument called.
  if (!contract->valid || !contract->direct || target.key.count != 1 ||
      target.key.items[0].attnum != contract->primary_key || !fits(relation, set) ||
      !may_read_and_update(contract->relation))
    return Closing::unable;
  PreventCommandIfReadOnly("UPDATE");
  PreventCommandIfParallelMode("UPDATE");
  CheckCmdReplicaIdentity(relation, CMD_UPDATE);

  Relation index = index_open(contract->primary_index, RowExclusiveLock);
  Closing closing = Closing::unable;
  for (bool decided = false; !decided;) {
    CHECK_FOR_INTERRUPTS();
    // As between the commands of any volatile function; under READ COMMITTED a new snapshot for each attempt.
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
    decided = attempt(target, index, set, &closing, row);
    PopActiveSnapshot();
  }
  CommandCounterIncrement();
  index_close(index, NoLock);
  return closing;
}

}  // namespace ratchet
