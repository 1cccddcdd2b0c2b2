// tally/direct_flush.cpp: adding counts by an index lookup and a heap update (pg/direct_update.h).
//
// On parents that have no check constraints, generated columns, rules or partitions, and no update triggers but
// ratchet's own and foreign keys', with the very code of the parent's trigger.
#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/stratnum.h"
#include "access/xact.h"
#include "catalog/pg_index.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

#include "pg/direct_update.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/prune.h"
#include "tally/direct_flush.h"
#include "tally/fold_worker.h"
#include "tally/locked_row.h"
#include "tally/parent_trigger.h"
#include "tally/spill.h"

namespace ratchet {

namespace {

// A trigger that has nothing to do when only counters, done and done_at
// change: foreign keys' and the guard's have other columns, and what the
// parent's own do is done here. A parent that is counted itself is not such a table.
bool is_idle(TriggerKind kind, const Trigger &trigger) {
  switch (kind) {
    case TriggerKind::guard:
      return true;
    case TriggerKind::parent:
    case TriggerKind::completion:
      return fires_ordinarily(trigger);
    case TriggerKind::none:
      return RI_FKey_trigger_type(trigger.tgfoid) != RI_TRIGGER_NONE;
    default:
      return false;
  }
}

bool only_idle_triggers(Relation relation) {
  for (const OwnTrigger &own : copy_triggers(relation))
    if (TRIGGER_FOR_UPDATE(own.trigger->tgtype) && !is_idle(own.kind, *own.trigger)) return false;
  return true;
}

// Whether the index is over exactly the key; fills in which column of the key each of its attributes is.
bool is_key_index(HeapTuple tuple, const Counters *counters, int *places) {
  const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  if (!form->indisunique || !form->indisvalid || form->indnkeyatts != counters->nkey ||
      !heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) || !heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr))
    return false;
  for (int i = 0; i < counters->nkey; ++i) {
    int place = 0;
    while (place < counters->nkey && counters->key[place].attnum != form->indkey.values[i]) ++place;
    if (place == counters->nkey) return false;
    places[i] = place;
  }
  return true;
}

// Whether the index compares as the key's columns do.
bool compares_alike(Oid oid, const Counters *counters, const int *places) {
  Relation index = index_open(oid, AccessShareLock);
  bool alike = true;
  for (int i = 0; alike && i < counters->nkey; ++i) {
    const KeyColumn &column = counters->key[places[i]];
    const Oid type = index->rd_opcintype[i];
    const Oid op = get_opfamily_member(index->rd_opfamily[i], type, type, BTEqualStrategyNumber);
    alike = index->rd_indcollation[i] == column.collation && get_opcode(op) == column.equal.fn_oid;
  }
  index_close(index, NoLock);
  return alike;
}

// As find_row(), for the row that a statement has locked last. A row with the key that the snapshot sees is the one
// that the unique index leads to, however it was found.
bool find_locked_row(Relation relation, const Counters *counters, const Datum *key, TupleTableSlot *slot) {
  ItemPointerData tid;
  if (!last_locked(RelationGetRelid(relation), &tid) ||
      !table_tuple_fetch_row_version(relation, &tid, GetActiveSnapshot(), slot))
    return false;
  Datum found[INDEX_MAX_KEYS];
  bool isnull = false;
  for (int i = 0; !isnull && i < counters->nkey; ++i) found[i] = slot_getattr(slot, counters->key[i].attnum, &isnull);
  return !isnull && same_key(counters, found, key);
}

bool find_row(Relation relation, Counters *counters, const Datum *key, TupleTableSlot *slot) {
  Relation index = index_open(counters->key_index, RowExclusiveLock);
  ScanKeyData keys[INDEX_MAX_KEYS];
  for (int i = 0; i < counters->nkey; ++i) {
    const int place = counters->index_places[i];
    ScanKeyEntryInitializeWithInfo(&keys[i], 0, static_cast<AttrNumber>(i + 1), BTEqualStrategyNumber, InvalidOid,
                                   index->rd_indcollation[i], &counters->key[place].equal, key[place]);
  }
  const bool found = find_by_key(relation, index, keys, counters->nkey, slot);
  index_close(index, NoLock);
  return found;
}

// alone: the flush writes no other row. Of several rows the one that was locked last is probably not this one.
bool find_entry(Relation relation, Counters *counters, const Pending *entry, bool alone, TupleTableSlot *slot) {
  const Datum *key = entry->key.values;
  return (alone && find_locked_row(relation, counters, key, slot)) || find_row(relation, counters, key, slot);
}

// Who has made a newer version of the row, or is about to; invalid: nobody.
TransactionId writer_of(HeapTupleHeader header) {
  if ((header->t_infomask & HEAP_XMAX_INVALID) != 0 || HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask))
    return InvalidTransactionId;
  return HeapTupleHeaderGetUpdateXid(header);
}

// Whether another transaction has a newer version of the row in hand.
bool is_being_written(const BufferHeapTupleTableSlot *slot) {
  LockBuffer(slot->buffer, BUFFER_LOCK_SHARE);
  const TransactionId writer = writer_of(slot->base.tuple->t_data);
  LockBuffer(slot->buffer, BUFFER_LOCK_UNLOCK);
  return TransactionIdIsValid(writer) && !TransactionIdIsCurrentTransactionId(writer) &&
         TransactionIdIsInProgress(writer);
}

FullTransactionId queued_in;  // the last transaction that has queued up

// Who has the newest version of a row locked, or a newer one in hand.
struct Holders {
  bool taken;    // by another transaction, so that an update of the row would wait
  bool shared;   // by others whom an update does not meet: what a foreign key's check takes is in nobody's way
  bool by_self;  // by this transaction and nobody else
};

Holders find_holders(const BufferHeapTupleTableSlot *slot) {
  LockBuffer(slot->buffer, BUFFER_LOCK_SHARE);
  const HeapTupleHeader header = slot->base.tuple->t_data;
  const uint16 mask = header->t_infomask;
  const TransactionId xmax = HeapTupleHeaderGetRawXmax(header);
  LockBuffer(slot->buffer, BUFFER_LOCK_UNLOCK);
  Holders holders{};
  const auto add = [&](TransactionId xid, bool shares) {
    if (TransactionIdIsCurrentTransactionId(xid) || !TransactionIdIsInProgress(xid)) return;
    (shares ? holders.shared : holders.taken) = true;
  };
  if ((mask & HEAP_XMAX_INVALID) != 0 || HEAP_LOCKED_UPGRADED(mask)) return holders;
  if ((mask & HEAP_XMAX_IS_MULTI) == 0) {
    holders.by_self = TransactionIdIsCurrentTransactionId(xmax);
    add(xmax, HEAP_XMAX_IS_LOCKED_ONLY(mask) && HEAP_XMAX_IS_KEYSHR_LOCKED(mask));
    return holders;
  }
  MultiXactMember *members;
  const int count = GetMultiXactIdMembers(xmax, &members, false, HEAP_XMAX_IS_LOCKED_ONLY(mask));
  for (int i = 0; !holders.taken && i < count; ++i)
    add(members[i].xid, members[i].status == MultiXactStatusForKeyShare);
  if (count > 0) pfree(members);
  return holders;
}

// Takes the row's lock, unless that would have to wait.
TM_Result lock_row(Relation relation, TupleTableSlot *found) {
  TM_FailureData failure;
  ItemPointerData tid = found->tts_tid;
  return table_tuple_lock(relation, &tid, GetActiveSnapshot(), found, GetCurrentCommandId(false),
                          LockTupleNoKeyExclusive, LockWaitSkip, 0, &failure);
}

// Once a transaction: a long one that flushes again and again must not fill the lock table.
bool may_queue_up(const Counters *counters) {
  for (int i = 0; i < counters->nkey; ++i)
    if (!counters->key[i].hashable) return false;
  return !FullTransactionIdEquals(queued_in, GetTopFullTransactionIdIfAny());
}

// Waits, one after the other, for those who write the same row. Otherwise all
// who wait would wake up at each commit, because each has a share of the row's lock by
// its own foreign key's check, and each would keep the page from being pruned.
//
// The lock stands for the row and is held as long. It makes no new deadlock: only
// who has just seen somebody else write the row takes it, so he does not have the row himself;
// whoever gets it waits for the row only, as he would without it; and only flushes of a
// single row take it, one in a transaction, so that no order among these locks can be wrong.
bool queue_up(const Counters *counters, const Pending *entry, bool waits) {
  queued_in = GetTopFullTransactionId();
  // The fourth field keeps it apart from pg_advisory_lock(), whose locks have 1 or 2 there.
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, counters->root, entry->key.hash, 0x7274);
  return LockAcquire(&tag, ExclusiveLock, false, !waits) != LOCKACQUIRE_NOT_AVAIL;
}

// Whether nothing of the executor is needed. An extension that checks or audits what it touches must see it. Not if DDL
// has come between.
bool is_direct(const Counters *counters) {
  return counters->direct && counters->valid && ExecutorCheckPerms_hook == nullptr &&
         SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA;
}

Relation open_direct(const Counters *counters) {
  PreventCommandIfReadOnly("UPDATE");
  Relation relation = table_open(counters->root, NoLock);
  CheckCmdReplicaIdentity(relation, CMD_UPDATE);
  return relation;
}

}  // namespace

void find_direct(Relation relation, Counters *counters) {
  counters->direct = false;
  if (!is_plain_heap(relation) || !only_idle_triggers(relation)) return;
  auto *places = palloc_array<int>(counters->nkey);
  for (const Oid oid : each_oid(RelationGetIndexList(relation))) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple)) return;
    const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    // An index that is checked later needs the executor to queue the check.
    const bool immediate = form->indimmediate && !form->indisexclusion;
    const bool fits = !counters->direct && is_key_index(tuple, counters, places);
    ReleaseSysCache(tuple);
    if (!immediate) {
      counters->direct = false;
      return;
    }
    if (!fits || !compares_alike(oid, counters, places)) continue;
    counters->direct = true;
    counters->key_index = oid;
    counters->index_places = places;
    places = palloc_array<int>(counters->nkey);
  }
}

bool count_directly(Counters *counters, const Pending *entry, bool alone) {
  if (!is_direct(counters)) return false;
  Relation relation = open_direct(counters);
  bool waits = !alone || !may_queue_up(counters);
  bool queued = false;
  bool taken = false;  // another transaction is writing the row, and this one would rather know than wait
  Change change{};
  const auto find = [&](TupleTableSlot *slot) { return find_entry(relation, counters, entry, alone, slot); };
  const auto decide = [&](TupleTableSlot *found) -> HeapTuple {
    const auto *version = reinterpret_cast<const BufferHeapTupleTableSlot *>(found);
    taken = !waits && is_being_written(version);
    if (taken) return nullptr;
    change = change_of(counters, found, entry->deltas);
    // Not locked, the row may have changed by now: only the statement can refuse.
    if (change.refused) return nullptr;
    return modified(relation, version->base.tuple, change.count, change.attnums, change.values, change.nulls);
  };
  const auto stored = [&](TupleTableSlot *found, HeapTuple row) {
    time_pruning(reinterpret_cast<const BufferHeapTupleTableSlot *>(found)->buffer,
                 ItemPointerGetOffsetNumber(&found->tts_tid), row->t_len, queued);
    note_change(counters, change, found);
    report(counters->tracked, Event::flushed);
  };
  Attempt outcome = Attempt::changed;
  while (outcome == Attempt::changed || taken) {
    if (taken) {
      queue_up(counters, entry, true);
      waits = queued = true;
      taken = false;
    }
    outcome = attempt_update(relation, find, decide, stored);
  }
  CommandCounterIncrement();
  table_close(relation, NoLock);
  return outcome == Attempt::stored;
}

namespace {

// Whether a flush that would rather append than wait leaves its only row alone.
//
// Others that have a child of the row in hand are about to write it too, and have to lock each new version of it anew
// for their next child, which costs more than what all of them count: a worker that is there writes one version for
// all.
//
// A row that this transaction alone has locked is no such row, and nobody else can be about to write it but one who has
// removed or changed a child; should he take it in the moment until it is stored, that is waited for until he ends.
bool leaves_alone(const Counters *counters, const Pending *entry, const BufferHeapTupleTableSlot *version) {
  const Holders holders = find_holders(version);
  if (holders.taken || (holders.shared && knows_fold_worker(counters->owner))) return true;
  return !holders.by_self && !may_take(counters, entry);
}

}  // namespace

bool may_take(const Counters *counters, const Pending *entry) {
  return !may_queue_up(counters) || queue_up(counters, entry, false);
}

// What is added is read in the snapshot that has found the row: see tally/spill.h.
Taken count_without_wait(Counters *counters, const Pending *entry, bool alone, bool strictly, bool sparing,
                         Lying lying) {
  if (!is_direct(counters)) return Taken::left;
  Relation relation = open_direct(counters);
  bool busy = false;
  bool again = false;
  bool idle = false;  // there is nothing to add
  const bool adds_spilled = lying == Lying::added && counters->spill != nullptr;
  Change change{};
  Spilled spilled{};
  const auto find = [&](TupleTableSlot *slot) { return find_entry(relation, counters, entry, alone, slot); };
  // With what lies spilled. false: not all of it could be read.
  const auto decide_all = [&](TupleTableSlot *found) {
    auto *deltas = palloc_array<Delta>(counters->ncounters);
    memcpy(deltas, entry->deltas, sizeof(Delta) * counters->ncounters);
    spilled = read_to_add(counters, entry, GetActiveSnapshot(), sparing ? most_folded : PG_INT32_MAX);
    if (!spilled.whole) return false;
    add_spilled(counters, spilled, deltas);
    change = change_of(counters, found, deltas);
    return true;
  };
  const auto decide = [&](TupleTableSlot *found) -> HeapTuple {
    const auto *version = reinterpret_cast<const BufferHeapTupleTableSlot *>(found);
    busy = sparing && is_piling_up(version->buffer, ItemPointerGetOffsetNumber(&found->tts_tid));
    if (busy) return nullptr;
    const TM_Result locked = strictly ? lock_row(relation, found) : TM_Ok;
    busy = strictly ? locked == TM_WouldBlock : leaves_alone(counters, entry, version);
    // Above READ COMMITTED a new look finds no other version: the statement says what that means.
    again = locked != TM_Ok && !busy && !IsolationUsesXactSnapshot();
    if (locked != TM_Ok || busy) return nullptr;
    spilled = {};
    if (!adds_spilled) change = change_of(counters, found, entry->deltas);
    if (lying == Lying::left && change.decides) return nullptr;
    busy = adds_spilled && !decide_all(found);
    idle = !busy && change.count == 0 && spilled.count == 0;
    if (busy || idle || change.refused) return nullptr;
    return modified(relation, version->base.tuple, change.count, change.attnums, change.values, change.nulls);
  };
  const auto stored = [&](TupleTableSlot *found, HeapTuple row) {
    time_pruning(reinterpret_cast<const BufferHeapTupleTableSlot *>(found)->buffer,
                 ItemPointerGetOffsetNumber(&found->tts_tid), row->t_len, false);
    note_change(counters, change, found);
    if (adds_spilled) remove_spilled(counters, entry->key.values, spilled);
    report(counters->tracked, Event::flushed);
    if (spilled.count > 0) report(counters->tracked, Event::folded, spilled.count);
  };
  Attempt outcome = Attempt::changed;
  while (outcome == Attempt::changed || again) {
    again = false;
    outcome = attempt_update(relation, find, decide, stored);
  }
  CommandCounterIncrement();
  table_close(relation, NoLock);
  if (busy || idle) return busy ? Taken::busy : Taken::idle;
  return outcome == Attempt::stored ? Taken::stored : Taken::left;
}

}  // namespace ratchet
