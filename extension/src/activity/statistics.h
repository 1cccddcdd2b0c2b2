// activity/statistics.h: counting what happens to contracts.
//
// At once and in shared memory, so that what a transaction has tried is seen whether or not it commits, and what of it
// is rolled back is counted once more as such, when it is. Without memory to share nothing is counted.
#pragma once

#include "pg/pg.h"

#include "activity/event.h"
#include "activity/memory.h"

namespace ratchet {

// The contract that something happens to, as a cached contract knows it, with the place where it is counted.
struct Tracked {
  TrackedKind kind;
  Oid relation;  // the topmost table: of a tally the child, of counters the parent
  Oid parent;    // of a tally; InvalidOid of others
  bool audited;  // attempts are stored
  Oid attempts;  // where; InvalidOid: there is no table for them that is the owner's

  mutable Entry *entry;       // nullptr: there is none, or it has not been looked for
  mutable uint32 generation;  // of the entry
};

extern bool counts_activity;  // the setting ratchet.statistics

void init_statistics();

// The contract of a table, with its entry, which is made where there is none. Looks at catalogs, to give up the entries
// of tables that are gone, where there is no place.
Tracked track(TrackedKind kind, Oid relation, Oid parent = InvalidOid);

// Looks for the entry anew, because it was given up or found no place; nullptr: there is none.
Entry *find_entry_again(const Tracked &tracked);

// nullptr: what happens to the contract is not counted.
inline Entry *entry_of(const Tracked &tracked) {
  if (!counts_activity || shared_memory() == nullptr) return nullptr;
  if (tracked.entry != nullptr && pg_atomic_read_u32(&tracked.entry->generation) == tracked.generation)
    return tracked.entry;
  return find_entry_again(tracked);
}

// Notes changes that a rollback of the current (sub)transaction undoes.
void note_changes(Entry *entry, int64 rows);

inline void count_event(const Tracked &tracked, Event event, int64 rows) {
  Entry *entry = entry_of(tracked);
  if (entry == nullptr) return;
  pg_atomic_fetch_add_u64(&entry->numbers.events[static_cast<int>(event)], rows);
  if (is_change(event)) note_changes(entry, rows);
}

// columns: names, char *, of a row that was kept, rejected or observed.
void count_columns(const Tracked &tracked, Event event, const List *columns);

// A wait for another transaction, in microseconds.
void count_wait(const Tracked &tracked, int64 time);

// How long a submit() has taken, in microseconds.
void count_duration(const Tracked &tracked, int64 time);

// When (sub)transactions end. Nothing here may fail.
void count_rolled_back();
void forget_changes();
void release_changes();
void count_rolled_back_to_savepoint();

}  // namespace ratchet
