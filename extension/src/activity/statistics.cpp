#include "activity/statistics.h"

extern "C" {
#include "access/xact.h"
#include "port/pg_bitutils.h"
#include "storage/lmgr.h"
#include "utils/guc.h"
#include "utils/syscache.h"
}

#include <algorithm>

#include "pg/list.h"
#include "pg/memory.h"

namespace ratchet {

bool counts_activity = true;

namespace {

// What a transaction has changed under one contract at one level of savepoints.
struct Changes {
  Entry *entry;
  uint32 generation;
  int level;
  int64 rows;
};

constexpr int few_changes = 16;
Changes few[few_changes];

// Those of the innermost level come last: as many as contracts, times levels that are open. In TopTransactionContext,
// if they are not few.
Changes *changes = few;
int change_count;
int change_capacity = few_changes;

EntryKey key_of(const Tracked &tracked) { return {MyDatabaseId, tracked.relation, tracked.parent, tracked.kind}; }

Entry *take(const Tracked &tracked, Entry *entry) {
  tracked.entry = entry;
  if (entry != nullptr) tracked.generation = pg_atomic_read_u32(&entry->generation);
  return entry;
}

// Whether the entry's table or database exists no more. Of a table whose creation has not been committed yet somebody
// has a lock, which excludes every other. The least of these is asked for: a standby gives no stronger one, and for the
// strongest a transaction that only reads would need a number. The memory's lock is not held: catalogs are looked at.
bool is_gone(const EntryKey &key) {
  if (key.database != MyDatabaseId) return !SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(key.database));
  if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(key.relation)) ||
      !ConditionalLockRelationOid(key.relation, AccessShareLock))
    return false;
  UnlockRelationOid(key.relation, AccessShareLock);
  return !SearchSysCacheExists1(RELOID, ObjectIdGetDatum(key.relation));
}

// Gives up entries of what is gone; false: there is none.
bool free_entries(const SharedMemory &memory) {
  List *keys = NIL;
  LWLockAcquire(&memory.header->lock, LW_SHARED);
  const int used = memory.header->entries_used;
  LWLockRelease(&memory.header->lock);
  auto *copies = palloc_array<EntryKey>(used);
  LWLockAcquire(&memory.header->lock, LW_SHARED);
  memcpy(copies, memory.keys, sizeof(EntryKey) * used);
  LWLockRelease(&memory.header->lock);
  for (int i = 0; i < used; ++i)
    if (OidIsValid(copies[i].relation) && is_gone(copies[i])) keys = lappend(keys, &copies[i]);
  LWLockAcquire(&memory.header->lock, LW_EXCLUSIVE);
  for (const auto *key : each<EntryKey>(keys))
    if (Entry *entry = find_entry(memory, *key)) free_entry(memory, entry);
  LWLockRelease(&memory.header->lock);
  return keys != NIL;
}

Entry *find_or_make(const SharedMemory &memory, const EntryKey &key) {
  LWLockAcquire(&memory.header->lock, LW_SHARED);
  Entry *entry = find_entry(memory, key);
  LWLockRelease(&memory.header->lock);
  if (entry != nullptr) return entry;
  LWLockAcquire(&memory.header->lock, LW_EXCLUSIVE);
  entry = make_entry(memory, key);
  LWLockRelease(&memory.header->lock);
  return entry;
}

Changes *find_changes(const Entry *entry, int level) {
  for (int i = change_count - 1; i >= 0 && changes[i].level == level; --i)
    if (changes[i].entry == entry) return &changes[i];
  return nullptr;
}

// From this level on; locks on the tables are released afterwards.
void count_rolled_back_from(int level) {
  for (; change_count > 0 && changes[change_count - 1].level >= level; --change_count) {
    const Changes &undone = changes[change_count - 1];
    if (pg_atomic_read_u32(&undone.entry->generation) == undone.generation)
      pg_atomic_fetch_add_u64(&undone.entry->numbers.rolled_back, undone.rows);
  }
}

}  // namespace

void init_statistics() {
  DefineCustomBoolVariable("ratchet.statistics", "Counts what happens to contracts, for the view ratchet.stat.",
                           "Only where the server has shared memory for it.", &counts_activity, true, PGC_SUSET, 0,
                           nullptr, nullptr, nullptr);
}

Tracked track(TrackedKind kind, Oid relation, Oid parent) {
  Tracked tracked{kind, relation, parent, false, InvalidOid, nullptr, 0};
  const SharedMemory *memory = attach_shared_memory();
  if (memory == nullptr) return tracked;
  const EntryKey key = key_of(tracked);
  if (take(tracked, find_or_make(*memory, key)) == nullptr && free_entries(*memory))
    take(tracked, find_or_make(*memory, key));
  if (tracked.entry == nullptr) pg_atomic_fetch_add_u64(&memory->header->lost, 1);
  return tracked;
}

Entry *find_entry_again(const Tracked &tracked) {
  // One that found no place goes without until its contract is built anew.
  if (tracked.entry == nullptr) return nullptr;
  Entry *entry = take(tracked, find_or_make(*shared_memory(), key_of(tracked)));
  if (entry == nullptr) pg_atomic_fetch_add_u64(&shared_memory()->header->lost, 1);
  return entry;
}

void note_changes(Entry *entry, int64 rows) {
  const int level = GetCurrentTransactionNestLevel();
  if (Changes *known = find_changes(entry, level)) {
    known->rows += rows;
    return;
  }
  if (change_count == change_capacity) {
    auto *more =
        static_cast<Changes *>(MemoryContextAlloc(TopTransactionContext, sizeof(Changes) * 2 * change_capacity));
    memcpy(more, changes, sizeof(Changes) * change_count);
    change_capacity *= 2;
    changes = more;
  }
  changes[change_count++] = {entry, pg_atomic_read_u32(&entry->generation), level, rows};
}

void count_columns(const Tracked &tracked, Event event, const List *columns) {
  Entry *entry = entry_of(tracked);
  if (entry == nullptr) return;
  const SharedMemory &memory = *shared_memory();
  const TimestampTz now = GetCurrentTimestamp();
  for (const auto *name : each<char>(columns)) {
    LWLockAcquire(&memory.header->lock, LW_SHARED);
    ColumnEntry *column = find_column(memory, entry, name, false);
    LWLockRelease(&memory.header->lock);
    if (column == nullptr) {
      LWLockAcquire(&memory.header->lock, LW_EXCLUSIVE);
      column = find_column(memory, entry, name, true);
      LWLockRelease(&memory.header->lock);
    }
    if (column == nullptr) {
      pg_atomic_fetch_add_u64(&memory.header->lost_columns, 1);
      continue;
    }
    SpinLockAcquire(&column->mutex);
    ++(event == Event::kept ? column->kept : event == Event::rejected ? column->rejected : column->observed);
    column->last_at = now;
    strlcpy(column->last_application, application_name == nullptr ? "" : application_name, NAMEDATALEN);
    SpinLockRelease(&column->mutex);
  }
}

void count_wait(const Tracked &tracked, int64 time) {
  Entry *entry = entry_of(tracked);
  if (entry == nullptr) return;
  Numbers *numbers = &entry->numbers;
  const uint64 waited = time > 0 ? time : 0;
  pg_atomic_fetch_add_u64(&numbers->waits, 1);
  pg_atomic_fetch_add_u64(&numbers->wait_time, waited);
  uint64 most = pg_atomic_read_u64(&numbers->wait_time_max);
  while (waited > most && !pg_atomic_compare_exchange_u64(&numbers->wait_time_max, &most, waited)) {
  }
}

void count_duration(const Tracked &tracked, int64 time) {
  Entry *entry = entry_of(tracked);
  if (entry == nullptr) return;
  const int power = time <= 1 ? 0 : pg_leftmost_one_pos64(time - 1) + 1;
  const int place = std::min(std::max(power - first_duration, 0), duration_count - 1);
  pg_atomic_fetch_add_u64(&entry->numbers.durations[place], 1);
}

void count_rolled_back() { count_rolled_back_from(0); }

// The memory goes with the transaction.
void forget_changes() {
  changes = few;
  change_count = 0;
  change_capacity = few_changes;
}

void release_changes() {
  const int level = GetCurrentTransactionNestLevel();
  int first = change_count;
  while (first > 0 && changes[first - 1].level >= level) --first;
  const int count = change_count;
  change_count = first;
  for (int i = first; i < count; ++i) {
    if (Changes *known = find_changes(changes[i].entry, level - 1)) {
      known->rows += changes[i].rows;
      continue;
    }
    changes[change_count] = changes[i];
    changes[change_count++].level = level - 1;
  }
}

void count_rolled_back_to_savepoint() { count_rolled_back_from(GetCurrentTransactionNestLevel()); }

}  // namespace ratchet
