// tally/spill.h: counts that lie beside the parent's row until somebody adds them to it.
//
// A flush that finds the row in another transaction's hand appends what it has counted to the parent's table of spilled
// counts (tally/spill_table.h) and goes on: heap and index entries of its own, nothing unique, no foreign key, so there
// is nobody to wait for. Who gets the row next adds what is there and removes it, in one transaction with the row's new
// version. So in every snapshot the counter and what lies spilled for it are together what the children come to: a
// snapshot sees such a transaction whole or not at all, and an appended row with the children that it counts.
//
// Who may remove: only who has stored a new version of the parent's row in place of one that the very snapshot sees in
// which the spilled rows were read. Nobody can have removed one of them meanwhile: he would have stored a version too,
// and either the snapshot sees his, or that of the reader is refused as an update of an outdated row. Two removers of
// one key cannot meet, since the one waits for the other's row lock, or does not get it.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "storage/itemptr.h"
#include "utils/snapshot.h"
}

#include "tally/pending.h"

namespace ratchet {

// Locks the table where a parent's counts may spill, once a transaction. Most flushes have nothing to do with it, so it
// is locked by those that do, and after the parent, as DDL on either locks both. The counters as they are with the
// lock, which may be others, that do not spill; nullptr: another transaction has it, and the caller would rather know
// than wait. Locks: ROW EXCLUSIVE on the table, until the end of the transaction; the caller has the parent with that.
Counters *lock_spill_table(Counters *counters, bool waits);

// What lies spilled for a row.
struct Spilled {
  Delta *deltas;  // one for each of counters->counters
  int count;      // of rows
  ItemPointerData *rows;
  bool whole;  // no visible row was left out
  FullTransactionId
      before;  // whole: what older transactions have appended is here, and nothing else of theirs ever comes
};

// Reads it in a snapshot, at most so many rows; in the current memory context. again: what earlier reads of this
// session are sure to have left nothing of is looked at too, as a reader must to whom the sum matters. The caller has
// resolved counters->spill. Errors: 40001 where another transaction has altered the table so that it cannot be read, or
// has dropped it. Locks: ACCESS SHARE on the table, until the end of the transaction.
Spilled read_spilled(const Counters *counters, const Datum *key, Snapshot snapshot, bool again, int most);

// The same of an entry's row, for adding it. Who has nothing of his own to add has seen that something lies there, so
// he looks at all of it: a restore, or replication, may bring rows of transactions that were long before.
Spilled read_to_add(const Counters *counters, const Pending *entry, Snapshot snapshot, int most);

// A flush takes no more: where more lies there, it leaves the row to the worker, so that nobody's COMMIT is long for
// what others have left. It is never a part that is added: a row would be complete by all of it, and then not by the
// part.
constexpr int most_folded = 10000;

// Adds what was read to deltas of the same counters.
void add_spilled(const Counters *counters, const Spilled &spilled, Delta *deltas);

// Removes what was read; see above who may. Locks: ROW EXCLUSIVE on the table.
void remove_spilled(const Counters *counters, const Datum *key, const Spilled &spilled);

// Appends an entry's deltas, and sees to it that somebody adds them to the row. Waits for nobody.
void append_spilled(const Counters *counters, const Pending *entry);

// Of a parent's row that is deleted: all that is visible goes, and is added to the entry that is kept for a successor.
void take_for_successor(const Counters *counters, const Datum *key, Pending *entry);

// Of a parent's row that is inserted, or is not there: what a former row of its key has left, which was deleted while
// others were about to append. snapshot: one that sees no such row; nullptr: the latest. waits: for who removes the
// same, as an INSERT of the row does until it ends; otherwise it is left to him.
void remove_leftovers(const Counters *counters, const Datum *key, Snapshot snapshot = nullptr, bool waits = true);

// When the transaction commits, and when it or a subtransaction does not: what it has removed is known to be gone, or
// is not.
void remember_removed();
void forget_removed();

}  // namespace ratchet
