// verb/direct_submit.cpp: closing a gate by an index lookup and a heap update (pg/direct_update.h).
//
// On tables that have no check constraints, generated columns, rules, policies or partitions and no update triggers but
// the guard and foreign keys', for callers who may read and update all of it. Of many that close one gate only the
// first to commit finds it open, and after a rollback the next one does.
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
#include "pg/direct_update.h"
#include "pg/foreign_key.h"
#include "pg/memory.h"
#include "pg/row_value.h"
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
  ScanKeyData key;
  ScanKeyEntryInitializeWithInfo(&key, 0, 1, BTEqualStrategyNumber, InvalidOid, index->rd_indcollation[0],
                                 &target.contract->primary_equal, target.key.items[0].value);
  Closing closing = Closing::unable;
  const auto find = [&](TupleTableSlot *slot) { return find_by_key(relation, index, &key, 1, slot); };
  const auto decide = [&](TupleTableSlot *found) -> HeapTuple {
    const Value gate = value_of(found, contract->gate);
    if (gate_is_closed(contract, gate.datum, gate.isnull)) {
      *row = ExecCopySlotHeapTuple(found);
      closing = Closing::closed;
      return nullptr;
    }
    bool own;
    return with_fields(relation, ExecFetchSlotHeapTuple(found, false, &own), set);
  };
  const auto stored = [&](TupleTableSlot *, HeapTuple) { closing = Closing::done; };
  while (attempt_update(relation, find, decide, stored) == Attempt::changed) {
  }
  CommandCounterIncrement();
  index_close(index, NoLock);
  return closing;
}

}  // namespace ratchet
