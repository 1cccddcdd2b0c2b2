// tally/pending.h: what a transaction has counted and not yet written.
//
// One map a subtransaction level, in memory of the transaction: a savepoint
// that is released hands its map to the level below, one that is rolled back
// drops it. Counts that have been written are not removed but booked out in
// the level that wrote them, so that rolling back the write brings them back.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/hsearch.h"
}

#include "tally/tally.h"

namespace ratchet {

// One counter's change. Integer sums are counts too.
struct Delta {
  int64 count;
  Datum sum;  // numeric; 0: none
};

struct PendingKey {
  const Counters *counters;  // lives until the end of the transaction
  uint32 hash;
  const Datum *values;
};

// A hash table of entries that begin with such a key, and keys for it; copy_key() copies to the current memory context.
HTAB *make_key_table(const char *name, Size entrysize, MemoryContext memory);
PendingKey key_of(const Counters *counters, const Datum *values);
PendingKey copy_key(const PendingKey &key);

struct Pending {
  PendingKey key;  // hash key, must be first
  int64 rows;      // rows added less rows removed
  uint64 serial;   // see pending_serial()
  int stranded;    // positive: its row was gone when it was written
  bool gone;       // its row was deleted
  Delta *deltas;   // one for each of counters->counters
};

// Before COMMIT and PREPARE: an error (42R01) where anything is left that no flush has written.
void check_written();
void forget_pending();
// The current subtransaction is released: its map goes to the level below; or is rolled back: its map is dropped.
void release_pending();
void drop_pending();

// The entry of a parent row in the current level, made if need be.
Pending *pending_entry(const Counters *counters, const Datum *key);

// Whether the row was deleted in this transaction, which is kept until there is another one. counters: of the whole
// table.
void note_row_gone(const Counters *counters, const Datum *key);
bool is_row_gone(const Counters *counters, const Datum *key);

// Adds to an entry. Errors: 22003 when a count leaves bigint.
void add_count(Delta *delta, int64 count, int sign = 1);
void add_sum(Delta *delta, Datum numeric);

// Of two numeric sums, either of which may be 0 for none.
Datum numeric_sum(Datum a, Datum b);

// The whole change as numeric.
Datum numeric_of(const Delta &delta);

// Grows with every entry that is looked up; an entry has the last one at which it was.
uint64 pending_serial();

// Copies of all entries whose levels together are not zero, or (touched_since
// is not 0) that were touched after that serial; a key may appear once for
// each of several builds of its counters. In the current memory context.
List *pending_entries(uint64 touched_since);

// While on, entries that are written stay in the map, so that they can be
// listed as touched. Returns how it was. A rollback switches it off.
bool watch_entries(bool on);

// Whether anything may be pending at all.
bool any_pending();

// Puts such a copy back, when the row that it was for is gone: it waits for a
// row that is inserted under the same key, and is no reason to stop the COMMIT.
void keep_stranded(const Pending *entry);

// Whether there was any in this transaction.
bool any_stranded();

// Books such a copy out in the current level.
void book_out(const Pending *entry);

// Whether a flush is on its way for what rows of this table add: see
// tally/arm.cpp.
bool is_armed(Oid relation);
void set_armed(Oid relation, bool armed);

// All tables that are armed, as OIDs.
List *armed_tables();

// on_done functions write too, and their counts may complete something else.
// How many completions, one leading to the other, led to what is pending; and
// how many lead to what is being written now.
void join_chain();  // for what is pending from here on
int take_chain();
void set_running_chain(int length);
int running_chain();

// What a flush writes may be counted as well, by ratchet or by somebody's
// triggers. How many flushes, one leading to the other, led to what is pending;
// and what number the flush that is under way gives to what is counted meanwhile (0: there is none), which answers the
// one before.
int take_round();
int set_running_round(int next);

bool same_key(const Counters *counters, const Datum *a, const Datum *b);

// Whether keys of the one are keys of the other.
bool has_same_key(const Counters *a, const Counters *b);

}  // namespace ratchet
