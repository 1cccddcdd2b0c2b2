#include "guard/move.h"

extern "C" {
#include "access/heapam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
}

#include "contract/guarded_column.h"
#include "pg/fence.h"
#include "pg/memory.h"
#include "pg/row_value.h"

namespace ratchet {

namespace {

// A row that the guard has judged and whose partition key changes.
struct Move {
  MemoryContext memory;        // holds this and the values
  int depth;                   // of the trigger call that judged it
  uintptr_t number;            // no other move of this backend has it
  bool leaving;                // the executor is at the row still
  const TupleTableSlot *slot;  // of that call, which tells the executor's run; valid only while leaving
  Oid root;
  Oid leaf;
  ItemPointerData tid;  // of the version that is taken out of the leaf
  Datum *values;        // of the guarded columns as the guard let them through
  bool *nulls;
  Move *outer;  // of a smaller depth: a trigger that fires while a row is on its way may move another one
};

uintptr_t last_number;

Move *last_move;  // in memory of the transaction; one at most for each trigger depth

// Whether the executor has taken the remembered row version out of its
// partition in order to put the row into another one: only its own
// cross-partition update leaves that mark.
bool has_moved_out(const Move &move) {
  // The partition may have been dropped or truncated since.
  Relation leaf = try_relation_open(move.leaf, AccessShareLock);
  if (leaf == nullptr) return false;
  HeapTupleData tuple;
  tuple.t_self = move.tid;
  Buffer buffer = InvalidBuffer;
  bool moved = false;
  if (leaf->rd_rel->relam == HEAP_TABLE_AM_OID &&
      ItemPointerGetBlockNumber(&move.tid) < RelationGetNumberOfBlocks(leaf) &&
      heap_fetch(leaf, SnapshotAny, &tuple, &buffer, false)) {
    moved = HeapTupleHeaderIndicatesMovedPartitions(tuple.t_data) &&
            TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(tuple.t_data));
    ReleaseBuffer(buffer);
  }
  relation_close(leaf, AccessShareLock);
  return moved;
}

// Whether the arriving row has the guarded columns that the guard let through.
bool is_judged_row(const Move &move, Relation relation, const GuardContract *contract, HeapTuple tuple) {
  for (int place = 0; place < contract->nguarded; ++place) {
    const GuardedColumn &column = contract->guarded[place];
    bool isnull;
    const Datum value = heap_getattr(tuple, column.attnum, RelationGetDescr(relation), &isnull);
    if (!same_image(move.values[place], move.nulls[place], value, isnull, column.typbyval, column.typlen)) return false;
  }
  return true;
}

// A memory context's reset callback: the executor leaves the row.
void leave_row(void *number) {
  for (Move *move = last_move; move != nullptr; move = move->outer)
    if (move->number == reinterpret_cast<uintptr_t>(number)) move->leaving = false;
}

MemoryContextCallback *make_callback(MemoryContextCallbackFunction function, uintptr_t argument) {
  auto *callback = palloc0_object<MemoryContextCallback>();
  callback->func = function;
  callback->arg = reinterpret_cast<void *>(argument);
  return callback;
}

}  // namespace

// Each is spent by its arrival, open or closed.
bool arrives_by_move(Relation relation, const GuardContract *contract, HeapTuple tuple) {
  for (Move **place = &last_move; *place != nullptr; place = &(*place)->outer) {
    Move *move = *place;
    if (move->root != contract->root || !has_moved_out(*move) || !is_judged_row(*move, relation, contract, tuple))
      continue;
    *place = move->outer;
    MemoryContextDelete(move->memory);
    return true;
  }
  return false;
}

bool leaves_by_move(const TriggerData *trigger) {
  for (const Move *move = last_move; move != nullptr; move = move->outer)
    if (move->leaving && move->slot == trigger->tg_trigslot && move->leaf == RelationGetRelid(trigger->tg_relation) &&
        ItemPointerEquals(const_cast<ItemPointer>(&move->tid), &trigger->tg_trigtuple->t_self))
      return true;
  return false;
}

// The memory goes with the transaction.
void forget_moves() { last_move = nullptr; }

void remember_move(const TriggerData *trigger, const GuardContract *contract, HeapTuple row) {
  const int depth = DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, Datum(0)));
  // What is remembered for this depth, or a deeper one, has arrived, or never left its partition.
  while (last_move != nullptr && last_move->depth >= depth) {
    Move *done = last_move;
    last_move = done->outer;
    MemoryContextDelete(done->memory);
  }
  // Triggers are called in the memory of the row.
  MemoryContextRegisterResetCallback(CurrentMemoryContext, make_callback(fenced<leave_row>, ++last_number));
  MemoryContext memory = AllocSetContextCreate(TopTransactionContext, "ratchet move", ALLOCSET_SMALL_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(memory);
  auto *move = palloc_object<Move>();
  *move = {memory,
           depth,
           last_number,
           true,
           trigger->tg_trigslot,
           contract->root,
           contract->relation,
           trigger->tg_trigtuple->t_self,
           nullptr,
           nullptr,
           last_move};
  move->values = palloc_array<Datum>(contract->nguarded);
  move->nulls = palloc_array<bool>(contract->nguarded);
  for (int place = 0; place < contract->nguarded; ++place) {
    const GuardedColumn &column = contract->guarded[place];
    const Datum value = heap_getattr(row, column.attnum, RelationGetDescr(trigger->tg_relation), &move->nulls[place]);
    move->values[place] = move->nulls[place] ? value : datumCopy(value, column.typbyval, column.typlen);
  }
  MemoryContextSwitchTo(caller);
  last_move = move;
}

}  // namespace ratchet
