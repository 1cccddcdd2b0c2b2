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

}  // namespace ratchet
