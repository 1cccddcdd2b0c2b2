// pg/direct_update.h: an index lookup and a heap update, as ExecUpdate() would do them.
//
// Starting up and ending the executor is half of what a statement for one row costs, and more. On a table where nothing
// of it is needed (is_plain_heap() and what the caller knows of triggers, policies and rights) all that it would
// do for the row is done here: find it by a unique key in a snapshot of its own, store it with wait, insert index
// entries unless the update was HOT.
//
// Concurrency is that of an UPDATE. table_tuple_update() waits for a writer that has the row. When that one
// commits, READ COMMITTED looks the row up again in a new snapshot, which sees the commit, and decides anew: nothing is
// ever decided from a version that is not the newest, because the update of an older one answers TM_Updated. At the
// other levels nothing is done, and the caller's statement, which has the same snapshot, raises 40001. After a
// rollback of the other writer the version that was found is the newest still, and stored over.
//
// A foreign key's trigger need not fire while its columns stay as they are, but for one case: a row that this
// transaction has inserted, whose pending check looks at the version that it was queued for. Such a row is left to the
// caller's statement.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "access/skey.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
}

#include "pg/heap_update.h"

namespace ratchet {

// The row with this key that the active snapshot sees; false: none. keys: one for each column of the unique index.
// The slot has the row's page pinned.
bool find_by_key(Relation relation, Relation index, ScanKeyData *keys, int count, TupleTableSlot *slot);

enum class Attempt : unsigned char {
  stored,
  changed,  // another transaction has changed the row since it was found: look again
  left      // nothing was changed
};

// One attempt, in a new snapshot under READ COMMITTED, as between the commands of any volatile function.
//   find(slot)         whether the active snapshot sees the row
//   decide(slot)       the row to store in its place; nullptr: none
//   stored(slot, row)  after that: the version that was found, and the row
template <typename Find, typename Decide, typename Stored>
Attempt attempt_update(Relation relation, Find &&find, Decide &&decide, Stored &&stored) {
  CHECK_FOR_INTERRUPTS();
  CommandCounterIncrement();
  PushActiveSnapshot(GetTransactionSnapshot());
  TupleTableSlot *found = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsBufferHeapTuple);
  Attempt outcome = Attempt::left;
  HeapTuple row = find(found) ? decide(found) : nullptr;
  if (row != nullptr && !is_inserted_by_us(found)) {
    if (store_version(relation, found, row) == TM_Ok) {
      outcome = Attempt::stored;
      stored(found, row);
    } else if (!IsolationUsesXactSnapshot()) {
      outcome = Attempt::changed;
    }
  }
  ExecDropSingleTupleTableSlot(found);
  PopActiveSnapshot();
  return outcome;
}

}  // namespace ratchet
