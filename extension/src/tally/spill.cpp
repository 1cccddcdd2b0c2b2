#include "tally/spill.h"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/xid8.h"
}

#include <algorithm>

#include "contract/errors.h"
#include "pg/heap_update.h"
#include "pg/memory.h"
#include "tally/compiled.h"
#include "tally/flush.h"
#include "tally/fold_worker.h"
#include "tally/spill.h"

namespace ratchet {

namespace {

// -- what this session knows to be gone --

// While a snapshot is held open, no removed row can be vacuumed, and whoever looks for spilled rows of a hot key goes
// over all of them. But what has been removed with all that older transactions appended need not be looked for again,
// and the index has the writers in order. A removal is known from its commit on; an entry that is lost only costs time.
struct Gone {
  Oid table;
  uint32 hash;
  int length;
  char key[40];  // its image
  FullTransactionId before;
};

constexpr int gone_count = 64;
constexpr int removed_count = 8;

Gone gone[gone_count];        // by hash
Gone removed[removed_count];  // by the current transaction
int removals;                 // how many of these are valid

// false: the image is too long.
bool write_image(const Counters *counters, const Datum *key, Gone *into) {
  into->length = 0;
  for (int i = 0; i < counters->nkey; ++i) {
    const KeyColumn &column = counters->key[i];
    const Datum value = column.typlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM_PACKED(key[i])) : key[i];
    const char *data = column.typbyval ? reinterpret_cast<const char *>(&value) : DatumGetPointer(value);
    const Size length = column.typbyval ? sizeof(Datum) : datumGetSize(value, false, column.typlen);
    if (into->length + length > sizeof(into->key)) return false;
    memcpy(into->key + into->length, data, length);
    into->length += static_cast<int>(length);
  }
  into->table = counters->spill->relation;
  into->hash = key_of(counters, key).hash;
  return true;
}

bool is_same_row(const Gone &a, const Gone &b) {
  return a.table == b.table && a.hash == b.hash && a.length == b.length && memcmp(a.key, b.key, a.length) == 0;
}

FullTransactionId known_gone(const Counters *counters, const Datum *key) {
  Gone wanted{};
  if (!write_image(counters, key, &wanted)) return InvalidFullTransactionId;
  const Gone &found = gone[wanted.hash % gone_count];
  return is_same_row(found, wanted) ? found.before : InvalidFullTransactionId;
}

void note_removed(const Counters *counters, const Datum *key, FullTransactionId before) {
  if (removals == removed_count || !write_image(counters, key, &removed[removals])) return;
  removed[removals++].before = before;
}

// The oldest transaction that a snapshot may not see the end of.
FullTransactionId horizon_of(Snapshot snapshot) {
  const FullTransactionId next = ReadNextFullTransactionId();
  const uint32 age = XidFromFullTransactionId(next) - snapshot->xmin;
  return FullTransactionIdFromU64(U64FromFullTransactionId(next) - age);
}

// -- rows --

[[noreturn]] void error_altered(const Counters *counters) {
  const char *parent = get_rel_name(counters->root);
  ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
          errmsg("the table of spilled counts of relation \"%s\" was altered by another transaction", parent),
          errhint("Try the transaction again."),
          (err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(get_rel_namespace(counters->root))), 0),
          (err_generic_string(PG_DIAG_TABLE_NAME, parent), 0));
  pg_unreachable();
}

// The table as it is with the lock, which may have waited for who has given it another index, or has dropped it, with
// what lay there in the rows of the parent, which the caller's snapshot does not see.
const SpillTable *open_spill_table(const Counters *counters, Relation *relation) {
  const SpillTable *table = counters->spill;
  *relation = try_relation_open(table->relation, AccessShareLock);
  if (*relation == nullptr) error_altered(counters);
  if (counters->valid) return table;
  const char *fault;
  table = resolve_spill_table(counters, table->relation, &fault);
  if (table == nullptr) error_altered(counters);
  return table;
}

int key_scan(const Counters *counters, Relation index, const Datum *key, FullTransactionId from, ScanKeyData *keys) {
  int count = 0;
  for (; count < counters->nkey; ++count)
    ScanKeyEntryInitializeWithInfo(&keys[count], 0, static_cast<AttrNumber>(count + 1), BTEqualStrategyNumber,
                                   InvalidOid, index->rd_indcollation[count],
                                   const_cast<FmgrInfo *>(&counters->key[count].equal), key[count]);
  if (FullTransactionIdIsValid(from)) {
    ScanKeyEntryInitialize(&keys[count], 0, static_cast<AttrNumber>(count + 1), BTGreaterEqualStrategyNumber,
                           InvalidOid, InvalidOid, F_XID8GE, FullTransactionIdGetDatum(from));
    ++count;
  }
  return count;
}

// Calls see(table, slot) for each row of the key that the snapshot sees, until it says no.
template <typename See>
void each_spilled(const Counters *counters, const Datum *key, Snapshot snapshot, FullTransactionId from, See &&see) {
  Relation relation;
  const SpillTable *table = open_spill_table(counters, &relation);
  // VACUUM gives back pages without rows: where nobody spills for a while there are none, and nothing to look through.
  if (RelationGetNumberOfBlocks(relation) == 0) {
    table_close(relation, NoLock);
    return;
  }
  Relation index = index_open(table->index, AccessShareLock);
  ScanKeyData keys[INDEX_MAX_KEYS + 1];
  const int count = key_scan(counters, index, key, from, keys);
  TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsBufferHeapTuple);
  IndexScanDesc scan = begin_index_scan(relation, index, snapshot, count);
  index_rescan(scan, keys, count, nullptr, 0);
  while (index_getnext_slot(scan, ForwardScanDirection, slot) && see(*table, slot)) CHECK_FOR_INTERRUPTS();
  index_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  index_close(index, NoLock);
  table_close(relation, NoLock);
}

void add_row(const Counters *counters, const SpillTable &table, TupleTableSlot *slot, Delta *deltas) {
  for (int i = 0; i < counters->ncounters; ++i) {
    bool isnull;
    const Datum value = slot_getattr(slot, table.counters[i], &isnull);
    if (counters->counters[i].type != NUMERICOID)
      add_count(&deltas[i], DatumGetInt64(value));
    else
      deltas[i].sum = deltas[i].sum == 0 ? datumCopy(value, false, -1) : numeric_sum(deltas[i].sum, value);
  }
}

HeapTuple form_row(Relation relation, const Counters *counters, const Pending *entry) {
  const int natts = RelationGetDescr(relation)->natts;
  auto *values = palloc0_array<Datum>(natts);
  auto *nulls = palloc_array<bool>(natts);
  std::fill(nulls, nulls + natts, true);
  const auto set = [&](AttrNumber attnum, Datum value) {
    values[attnum - 1] = value;
    nulls[attnum - 1] = false;
  };
  for (int i = 0; i < counters->nkey; ++i) set(counters->spill->key[i], entry->key.values[i]);
  for (int i = 0; i < counters->ncounters; ++i)
    set(counters->spill->counters[i], counters->counters[i].type == NUMERICOID ? numeric_of(entry->deltas[i])
                                                                               : Int64GetDatum(entry->deltas[i].count));
  set(counters->spill->writer, FullTransactionIdGetDatum(GetTopFullTransactionId()));
  return heap_form_tuple(RelationGetDescr(relation), values, nulls);
}

void insert_entry(Relation relation, Oid index_oid, TupleTableSlot *slot) {
  Relation index = index_open(index_oid, RowExclusiveLock);
  IndexInfo *info = BuildIndexInfo(index);
  Datum values[INDEX_MAX_KEYS];
  bool nulls[INDEX_MAX_KEYS];
  FormIndexDatum(info, slot, nullptr, values, nulls);
  index_insert(index, values, nulls, &slot->tts_tid, relation, UNIQUE_CHECK_NO, false, info);
  index_close(index, NoLock);
}

[[noreturn]] void error_removed(Relation relation) {
  ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
          errmsg("spilled counts of relation \"%s\" were removed by another transaction",
                 RelationGetRelationName(relation)),
          errhint("Nobody but ratchet may write the table."), errtable(relation));
  pg_unreachable();
}

// Of no row, so nobody's row lock keeps others from removing them: then they are left to those, or waited for.
enum class Leftovers : unsigned char { none, left, awaited };

void remove_rows(const Counters *counters, const Spilled &spilled, Leftovers leftovers = Leftovers::none) {
  if (spilled.count == 0) return;
  Relation relation = table_open(counters->spill->relation, RowExclusiveLock);
  const CommandId command = GetCurrentCommandId(true);
  for (int i = 0; i < spilled.count; ++i) {
    TM_FailureData failure;
    const TM_Result result = table_tuple_delete(relation, &spilled.rows[i], command, InvalidSnapshot, InvalidSnapshot,
                                                leftovers == Leftovers::awaited, &failure, false);
    const bool other = result == TM_Deleted || result == TM_BeingModified;
    if (result != TM_Ok && (leftovers == Leftovers::none || !other)) error_removed(relation);
  }
  table_close(relation, NoLock);
}

}  // namespace

Counters *lock_spill_table(Counters *counters, bool waits) {
  while (counters->spill != nullptr && counters->spill_locked_in != current_epoch()) {
    if (waits)
      LockRelationOid(counters->spill->relation, RowExclusiveLock);
    else if (!ConditionalLockRelationOid(counters->spill->relation, RowExclusiveLock))
      return nullptr;
    counters->spill_locked_in = current_epoch();
    // The lock may have waited for who has dropped the table, or given it another index.
    if (!counters->valid) counters = current_counters(counters->root, RowExclusiveLock);
  }
  return counters;
}

Spilled read_spilled(const Counters *counters, const Datum *key, Snapshot snapshot, bool again, int most) {
  Spilled spilled{};
  spilled.deltas = palloc0_array<Delta>(counters->ncounters);
  spilled.whole = true;
  int capacity = 0;
  const FullTransactionId from = again ? InvalidFullTransactionId : known_gone(counters, key);
  each_spilled(counters, key, snapshot, from, [&](const SpillTable &table, TupleTableSlot *slot) {
    if (spilled.count == most) return spilled.whole = false;
    if (spilled.count == capacity) {
      capacity = capacity == 0 ? 32 : capacity * 2;
      auto *grown = palloc_array<ItemPointerData>(capacity);
      if (spilled.count > 0) memcpy(grown, spilled.rows, sizeof(ItemPointerData) * spilled.count);
      spilled.rows = grown;
    }
    spilled.rows[spilled.count++] = slot->tts_tid;
    add_row(counters, table, slot, spilled.deltas);
    return true;
  });
  spilled.before = horizon_of(snapshot);
  return spilled;
}

Spilled read_to_add(const Counters *counters, const Pending *entry, Snapshot snapshot, int most) {
  const Spilled spilled = read_spilled(counters, entry->key.values, snapshot, false, most);
  bool adds = spilled.count > 0 || !spilled.whole;
  for (int i = 0; i < counters->ncounters; ++i) adds = adds || entry->deltas[i].count != 0 || entry->deltas[i].sum != 0;
  return adds ? spilled : read_spilled(counters, entry->key.values, snapshot, true, most);
}

void add_spilled(const Counters *counters, const Spilled &spilled, Delta *deltas) {
  if (spilled.count == 0) return;
  for (int i = 0; i < counters->ncounters; ++i) {
    add_count(&deltas[i], spilled.deltas[i].count);
    deltas[i].sum = numeric_sum(deltas[i].sum, spilled.deltas[i].sum);
  }
}

void remove_spilled(const Counters *counters, const Datum *key, const Spilled &spilled) {
  remove_rows(counters, spilled);
  if (spilled.whole) note_removed(counters, key, spilled.before);
}

namespace {

// Without an executor's state, which costs half of it.
void insert_with_entry(Relation relation, Oid index, HeapTuple row) {
  TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
  ExecStoreHeapTuple(row, slot, false);
  table_tuple_insert(relation, slot, GetCurrentCommandId(true), 0, nullptr);
  insert_entry(relation, index, slot);
  ExecDropSingleTupleTableSlot(slot);
}

}  // namespace

void append_spilled(const Counters *counters, const Pending *entry) {
  Relation relation = table_open(counters->spill->relation, RowExclusiveLock);
  HeapTuple row = form_row(relation, counters, entry);
  if (counters->spill->has_others)
    insert_row(relation, row);
  else
    insert_with_entry(relation, counters->spill->index, row);
  table_close(relation, NoLock);
  report(counters->tracked, Event::spilled);
  // After the row is there: see tally/fold_worker.h.
  call_fold_worker(counters->owner);
}

void take_for_successor(const Counters *counters, const Datum *key, Pending *entry) {
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const Spilled spilled = read_spilled(counters, key, snapshot, true, PG_INT32_MAX);
  UnregisterSnapshot(snapshot);
  for (int i = 0; i < counters->ncounters; ++i) {
    add_count(&entry->deltas[i], spilled.deltas[i].count);
    if (spilled.deltas[i].sum != 0) add_sum(&entry->deltas[i], spilled.deltas[i].sum);
  }
  remove_rows(counters, spilled);
}

void remove_leftovers(const Counters *counters, const Datum *key, Snapshot snapshot, bool waits) {
  const Snapshot seen = RegisterSnapshot(snapshot != nullptr ? snapshot : GetLatestSnapshot());
  const Spilled spilled = read_spilled(counters, key, seen, true, PG_INT32_MAX);
  UnregisterSnapshot(seen);
  remove_rows(counters, spilled, waits ? Leftovers::awaited : Leftovers::left);
}

void remember_removed() {
  for (int i = 0; i < removals; ++i) gone[removed[i].hash % gone_count] = removed[i];
  removals = 0;
}

void forget_removed() { removals = 0; }

}  // namespace ratchet
