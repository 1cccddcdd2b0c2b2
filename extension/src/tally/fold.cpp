// tally/fold.cpp: ratchet.fold(), and what the background worker does with one row.
#include "tally/fold.h"

extern "C" {
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/snapmgr.h"
}

#include "contract/ddl_support.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/relation_argument.h"
#include "pg/trigger_call.h"
#include "pg/user_context.h"
#include "tally/flush.h"
#include "tally/pending.h"
#include "tally/spill.h"

namespace ratchet {

namespace {

void note_key(const Counters *counters, TupleTableSlot *slot, HTAB *known, SpilledRows *rows) {
  Datum key[INDEX_MAX_KEYS];
  bool isnull;
  for (int i = 0; i < counters->nkey; ++i) key[i] = slot_getattr(slot, counters->spill->key[i], &isnull);
  const PendingKey wanted = key_of(counters, key);
  if (hash_search(known, &wanted, HASH_FIND, nullptr) != nullptr) return;
  const PendingKey own = copy_key(wanted);
  hash_search(known, &own, HASH_ENTER, nullptr);
  rows->keys = lappend(rows->keys, const_cast<Datum *>(own.values));
}

}  // namespace

SpilledRows look_at_spilled(const Counters *counters, int most) {
  SpilledRows rows{NIL, false};
  // Who has no lock on the parent that keeps DDL out, as health(), may find it dropped meanwhile.
  Relation relation = try_relation_open(counters->spill->relation, AccessShareLock);
  if (relation == nullptr) return rows;
  if (RelationGetNumberOfBlocks(relation) > 0) {
    HTAB *known = make_key_table("ratchet spilled keys", sizeof(PendingKey), CurrentMemoryContext);
    TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsBufferHeapTuple);
    SnapshotData dirty;
    InitDirtySnapshot(dirty);
    TableScanDesc scan = table_beginscan(relation, &dirty, 0, nullptr);
    while (list_length(rows.keys) < most && table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
      CHECK_FOR_INTERRUPTS();
      if (TransactionIdIsValid(dirty.xmin))
        rows.underway = true;
      else
        note_key(counters, slot, known, &rows);
    }
    table_endscan(scan);
    ExecDropSingleTupleTableSlot(slot);
  }
  relation_close(relation, NoLock);
  return rows;
}

Folded fold_row(Oid parent, const Datum *key, FoldMode mode) {
  flush_pending(InvalidOid);
  // A shard that is being moved here has its rows before it is here: its counts are there to be added soon.
  if (!try_keep_own_shard(parent)) return Folded::busy;
  Counters *counters = lock_spill_table(current_counters(parent, RowExclusiveLock), true);
  if (counters->spill == nullptr) return Folded::gone;
  const Folded folded = write_folded(counters, key, mode);
  // Who is told of what is complete now, and what the row itself is counted for.
  flush_pending(InvalidOid, restriction_for(counters->owner));
  return folded;
}

namespace {

// What the rows are counted for themselves is left to the flush, which locks in its order: two calls that did it row by
// row would wait for each other.
int64 fold_table(Oid parent) {
  if (!try_keep_own_shard(parent)) return 0;
  const Counters *counters = current_counters(parent, RowExclusiveLock);
  if (counters->spill == nullptr) return 0;
  const SpilledRows rows = look_at_spilled(counters);
  int64 folded = 0;
  for (const auto *key : each<Datum>(rows.keys)) {
    CHECK_FOR_INTERRUPTS();
    // Triggers of the row before may do anything.
    Counters *now = lock_spill_table(current_counters(parent, RowExclusiveLock), true);
    if (now->spill != nullptr && write_folded(now, key, FoldMode::unless_busy) == Folded::folded) ++folded;
  }
  return folded;
}

// Of the caller's own tables, and then of those of others whose rights he has.
int64 fold_tables(const List *parents) {
  int64 folded = 0;
  List *others = NIL;
  for (const Oid oid : each_oid(parents)) {
    if (find_owner_of_relation(oid) == GetUserId())
      folded += fold_table(oid);
    else
      others = lappend_oid(others, oid);
  }
  flush_pending(InvalidOid);
  for (const Oid oid : each_oid(others)) {
    folded += fold_table(oid);
    flush_pending(InvalidOid, SECURITY_RESTRICTED_OPERATION);
  }
  return folded;
}

int64 fold(Oid target) {
  if (IsolationUsesXactSnapshot())
    ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
            errmsg("ratchet.fold() must run at isolation level READ COMMITTED"),
            errdetail("Spilled counts are added to the newest version of a row."),
            errhint("SET default_transaction_isolation = 'read committed'."));
  flush_pending(InvalidOid);
  if (OidIsValid(target)) {
    check_not_distributed(target, on_each_shard);
    Relation relation = open_owned(target, AccessShareLock, "fold its counts");
    const bool counted = find_trigger(relation, TriggerKind::parent) != nullptr;
    if (!counted)
      ereport(ERROR, errcode(sqlstate_unenforceable),
              errmsg("relation \"%s\" has no tally", RelationGetRelationName(relation)),
              errhint("Declare one with ratchet.tally()."), errtable(relation));
    relation_close(relation, NoLock);
    return fold_tables(list_make1_oid(target));
  }
  List *parents = NIL;
  for (const Oid oid : each_oid(spilling_parents(InvalidOid)))
    if (owns_relation(oid, GetUserId())) parents = lappend_oid(parents, oid);
  return fold_tables(parents);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_fold) { PG_RETURN_INT64(ratchet::fold(ratchet::relation_or_null(fcinfo, 0))); }
