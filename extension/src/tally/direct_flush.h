// tally/direct_flush.h: writing counts without the executor, on parents where nothing of it is needed.
#pragma once

#include "pg/pg.h"

#include "tally/pending.h"

namespace ratchet {

// Finds out whether the relation is such a parent, and by which index its rows
// are found. Part of Counters, because any DDL that changes it invalidates them.
void find_direct(Relation relation, Counters *counters);

// Adds an entry to its row, and notes what becomes complete. alone: the
// flush writes no other row. False: nothing was changed, and the statement has to decide. Locks: the caller has the
// table, with ROW EXCLUSIVE or more.
bool count_directly(Counters *counters, const Pending *entry, bool alone);

enum class Taken : unsigned char {
  stored,
  busy,  // another transaction has the row
  idle,  // there was nothing to add
  left   // nothing was changed, and the statement has to decide
};

enum class Lying : unsigned char {
  added,  // what lies spilled for the row; the caller has locked its table, if there is one
  left    // to a worker that is there; but by what is stored without it nothing may become complete, or cease to be
};

// The same without waiting for the row, at READ COMMITTED. strictly: not even for the moment in which somebody who is
// no flush takes the row between a look at it and the update. sparing: a row whose old versions pile up under
// somebody's snapshot counts as busy, and one for which very much lies spilled.
Taken count_without_wait(Counters *counters, const Pending *entry, bool alone, bool strictly, bool sparing,
                         Lying lying = Lying::added);

// Whether this transaction is the one that may write a row at all, of those that flush it alone. It is until it ends;
// the others need not look at the row. false: another one is.
bool may_take(const Counters *counters, const Pending *entry);

}  // namespace ratchet
