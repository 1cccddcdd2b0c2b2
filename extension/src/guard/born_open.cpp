// guard/born_open.cpp: insert => 'reject', rows must be born open.
//
// An AFTER INSERT row trigger, because only it knows that a row was really
// inserted: a BEFORE INSERT trigger also fires for the row that an upsert then
// turns into an update. Its WHEN condition is evaluated right after the row is
// stored, so a row in good order queues nothing, and a row that arrives by a
// cross-partition move can be told from an INSERT while the move is still
// the last thing that the guard has judged.
#include "pg/pg.h"

extern "C" {
#include "access/heapam.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "executor/tuptable.h"
#include "parser/parse_type.h"
#include "storage/bufmgr.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
}

#include "contract/errors.h"
#include "contract/guarded_column.h"
#include "guard/guard_trigger.h"
#include "guard/policy.h"
#include "guard/suspend.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/row_value.h"
#include "pg/trigger_call.h"

namespace ratchet {

namespace {

// A row that the guard has judged and whose partition key changes.
struct Move {
  MemoryContext memory;  // holds this and the values
  int depth;             // of the trigger call that judged it
  Oid root;
  Oid leaf;
  ItemPointerData tid;  // of the version that is taken out of the leaf
  Datum *values;        // of the guarded columns as the guard let them through
  bool *nulls;
  Move *outer;  // of a smaller depth: a trigger that fires while a row is on its way may move another one
};

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

// Whether the row that is being inserted now is a judged one on its way
// between partitions. Each is spent by its arrival, open or closed.
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

// Whether the value is a default: of the partition, or of a table above it through which the row came.
bool has_any_default(Relation relation, const GuardedColumn &column, const Value &value) {
  if (has_default_value(relation, column.attnum, value.datum, value.isnull)) return true;
  if (!relation->rd_rel->relispartition) return false;
  bool is = false;
  for (const Oid oid : each_oid(get_partition_ancestors(RelationGetRelid(relation)))) {
    Relation ancestor = table_open(oid, AccessShareLock);
    const AttrNumber attnum = get_attnum(oid, column.name);
    is = is || (attnum > 0 && has_default_value(ancestor, attnum, value.datum, value.isnull));
    table_close(ancestor, NoLock);
  }
  return is;
}

bool is_born_open(Relation relation, const GuardContract *contract, int place, const Value &value) {
  switch (contract->terms->policies[place]) {
    case core::Policy::gate:
      return !gate_is_closed(contract, value.datum, value.isnull);
    case core::Policy::owned:
      return has_any_default(relation, contract->guarded[place], value);
    case core::Policy::states:
      return is_open_state(contract, place, value);
    default:
      return true;
  }
}

// The place of the first guarded column that is not as a row must be born; -1: all are.
int closed_column(Relation relation, const GuardContract *contract, HeapTuple tuple) {
  for (int place = 0; place < contract->nguarded; ++place) {
    const GuardedColumn &column = contract->guarded[place];
    Value value;
    value.datum = heap_getattr(tuple, column.attnum, RelationGetDescr(relation), &value.isnull);
    if (!is_born_open(relation, contract, place, value)) return place;
  }
  return -1;
}

bool born_closed(HeapTupleHeader row) {
  const Oid relid = typeidTypeRelid(HeapTupleHeaderGetTypeId(row));
  if (!OidIsValid(relid)) return false;
  Relation relation = table_open(relid, AccessShareLock);
  bool closed = false;
  const Trigger *trigger = find_trigger(relation, TriggerKind::guard);
  const GuardContract *contract = trigger == nullptr ? nullptr : load_guard_contract(relation, trigger);
  if (contract != nullptr && !is_suspended(contract->root)) {
    HeapTupleData tuple;
    tuple.t_len = HeapTupleHeaderGetDatumLength(row);
    ItemPointerSetInvalid(&tuple.t_self);
    tuple.t_tableOid = relid;
    tuple.t_data = row;
    closed = !arrives_by_move(relation, contract, &tuple) && closed_column(relation, contract, &tuple) >= 0;
  }
  table_close(relation, AccessShareLock);
  return closed;
}

void reject(const TriggerData *trigger) {
  Relation relation = trigger->tg_relation;
  const Trigger *guard = find_trigger(relation, TriggerKind::guard);
  if (guard == nullptr) return;
  const GuardContract *contract = load_guard_contract(relation, guard);
  const int place = closed_column(relation, contract, trigger->tg_trigtuple);
  if (place < 0) return;
  error_born_closed(relation, contract->guarded[place].name, contract->terms->policies[place] == core::Policy::states);
}

}  // namespace

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
  MemoryContext memory = AllocSetContextCreate(TopTransactionContext, "ratchet move", ALLOCSET_SMALL_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(memory);
  auto *move = palloc_object<Move>();
  *move = {memory,  depth,   contract->root, contract->relation, trigger->tg_trigtuple->t_self,
           nullptr, nullptr, last_move};
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

RATCHET_FUNCTION(ratchet_born_closed) {
  if (PG_ARGISNULL(0)) PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(ratchet::born_closed(PG_GETARG_HEAPTUPLEHEADER(0)));
}

RATCHET_FUNCTION(ratchet_guard_insert) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.guard_insert", TRIGGER_EVENT_INSERT | TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER,
      "AFTER INSERT FOR EACH ROW");
  ratchet::reject(trigger);
  return PointerGetDatum(nullptr);
}
