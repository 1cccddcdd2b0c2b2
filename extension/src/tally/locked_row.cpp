#include "pg/pg.h"

extern "C" {
#include "access/transam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
}

#include "contract/trigger_cache.h"
#include "tally/locked_row.h"

namespace ratchet {

namespace {

// Where the row was. Whoever locks a row keeps the lock on its table until the transaction ends, so nobody
// else can shorten or rewrite the table meanwhile. That is so outside of savepoints, whose rollback gives locks
// back; and what this transaction itself does to the table grows the generation.
struct LockedRow {
  FullTransactionId transaction;  // invalid: nothing below may be read
  uint64 generation;              // see cache_generation()
  Oid relation;
  ItemPointerData tid;
};

LockedRow last;

void remember(const TupleTableSlot *row) {
  if (TTS_EMPTY(row) || GetCurrentTransactionNestLevel() > 1) return;
  last = {GetTopFullTransactionIdIfAny(), cache_generation(), row->tts_tableOid, row->tts_tid};
}

}  // namespace

// A lookup by key; the scan still has the row where the caller has asked for no more than one.
void remember_locked_row(const QueryDesc *query) {
  const PlanState *plan = query->planstate;
  if (IsA(plan, LockRowsState) && IsA(outerPlanState(plan), IndexScanState))
    remember(reinterpret_cast<const ScanState *>(outerPlanState(plan))->ss_ScanTupleSlot);
}

bool last_locked(Oid relation, ItemPointerData *tid) {
  if (last.relation != relation || last.generation != cache_generation() ||
      !FullTransactionIdIsValid(last.transaction) ||
      !FullTransactionIdEquals(last.transaction, GetTopFullTransactionIdIfAny()))
    return false;
  *tid = last.tid;
  return true;
}

}  // namespace ratchet
