// activity/memory.h: what all sessions share: the statistics of every contract, and the tokens of who is limited.
//
// A preloaded library reserves it at start-up. Otherwise the first session that needs it makes it, from PostgreSQL 17
// on; before, there is none. Its size is fixed: what has no place is counted as lost, and told of.
//
// Counting takes no lock: whoever has an entry adds to its atomic numbers. The lock is for the keys, so for finding,
// making and giving up entries. An entry is cached with the contract (activity/report.h) and must never get the counts
// of another one:
//
// - It is given up only where its table or database exists no more. Who counts has a lock on the table, or on a
//   partition of it, until the end of his transaction, and dropping it needs all of those; so at that moment nobody is
//   between looking at an entry and adding to it.
// - But that the table is gone may be undone by the very transaction that has dropped it and, full, has given the
//   entry up. Others have the entry cached and learn nothing of a rollback; so giving it up counts up its generation,
//   which whoever counts compares first. They have waited for the table's lock, and see it.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "port/atomics.h"
#include "storage/lwlock.h"
#include "storage/spin.h"
#include "utils/timestamp.h"
}

#include "activity/event.h"

namespace ratchet {

// Durations of submit() by powers of two: the first are up to 2^first_duration microseconds, the last have no bound.
inline constexpr int duration_count = 24;
inline constexpr int first_duration = 3;

struct EntryKey {
  Oid database;
  Oid relation;  // InvalidOid: the entry is free
  Oid parent;
  TrackedKind kind;
};

inline bool same_entry(const EntryKey &a, const EntryKey &b) {
  return a.database == b.database && a.relation == b.relation && a.parent == b.parent && a.kind == b.kind;
}

// What is counted of one contract. Times in microseconds.
struct Numbers {
  pg_atomic_uint64 events[event_count];
  pg_atomic_uint64 rolled_back;
  pg_atomic_uint64 waits;
  pg_atomic_uint64 wait_time;
  pg_atomic_uint64 wait_time_max;
  pg_atomic_uint64 durations[duration_count];
};

inline constexpr int number_count = sizeof(Numbers) / sizeof(pg_atomic_uint64);

// The same as an array, for who treats all alike.
inline pg_atomic_uint64 *each_number(Numbers *numbers) { return reinterpret_cast<pg_atomic_uint64 *>(numbers); }

struct Entry {
  pg_atomic_uint32 generation;
  int32 first_column;  // of its columns; -1: none. Under the lock
  TimestampTz since;   // under the lock
  Numbers numbers;
};

// What is counted of one column of a contract.
struct ColumnEntry {
  NameData name;  // under the lock of the memory
  int32 next;     // of the same contract, or of free ones; -1: none. Under the lock of the memory
  slock_t mutex;  // protects all below
  int64 kept;
  int64 rejected;
  int64 observed;
  TimestampTz last_at;
  char last_application[NAMEDATALEN];
};

// Who is limited, and until when his tokens are spent; see activity/rate.h.
struct Bucket {
  uint64 who[2];  // a hash; both 0: free
  TimestampTz full_at;
};

inline constexpr int buckets_of_set = 16;

struct BucketSet {
  slock_t mutex;
  Bucket buckets[buckets_of_set];
};

// How many lines of the log may still be written; see activity/attempt_log.h.
struct LogBudget {
  pg_atomic_uint64 lines;       // a second, and how many it has had
  pg_atomic_uint64 suppressed;  // not written since the last that was
};

struct Header {
  LWLock lock;
  int tranche;
  int max_entries;
  int max_columns;
  int set_count;          // a power of two
  int entries_used;       // all behind are free. Under the lock
  int columns_used;       // the same
  int free_column;        // the first of those that were given up; -1: none. Under the lock
  TimestampTz since;      // nothing has been counted before
  pg_atomic_uint64 lost;  // contracts that found no place
  pg_atomic_uint64 lost_columns;
  LogBudget log_budget;
  pg_atomic_uint64 evicted;  // buckets that somebody else has got before they were full again
  uint64 seeds[2];           // of the hash of who is limited
};

struct SharedMemory {
  Header *header;
  EntryKey *keys;  // of entries, in the same order
  Entry *entries;
  ColumnEntry *columns;
  BucketSet *sets;
};

// Hooks and settings. Called when the library is loaded.
void init_shared_memory();

// nullptr: there is none. May have to make it or to find it, and so must not be called where a subtransaction cannot
// begin.
const SharedMemory *attach_shared_memory();

// The same as far as it has been attached.
const SharedMemory *shared_memory();

// Calls use(key, entry) for each entry in use. The caller has the lock.
template <typename Use>
void each_entry(const SharedMemory &memory, Use &&use) {
  for (int i = 0; i < memory.header->entries_used; ++i)
    if (OidIsValid(memory.keys[i].relation)) use(memory.keys[i], &memory.entries[i]);
}

// Calls use(column) for each column of an entry. The caller has the lock.
template <typename Use>
void each_column(const SharedMemory &memory, const Entry *entry, Use &&use) {
  for (int i = entry->first_column; i >= 0; i = memory.columns[i].next) use(&memory.columns[i]);
}

// The entry with this key; nullptr: there is none. The caller has the lock.
Entry *find_entry(const SharedMemory &memory, const EntryKey &key);

// The same, made where there is none; nullptr: there is no place. The caller has the lock, exclusive.
Entry *make_entry(const SharedMemory &memory, const EntryKey &key);

// Gives an entry up, with its columns. The caller has the lock, exclusive.
void free_entry(const SharedMemory &memory, Entry *entry);

// The column of an entry, found or made; nullptr: there is no place. The caller has the lock, exclusive if makes.
ColumnEntry *find_column(const SharedMemory &memory, Entry *entry, const char *name, bool makes);

}  // namespace ratchet
