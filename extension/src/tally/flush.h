// tally/flush.h: writing what a transaction has counted to the parents.
#pragma once

#include "pg/pg.h"

#include "contract/statement.h"
#include "tally/pending.h"

namespace ratchet {

// Writes everything that is pending, and completes what becomes complete.
// fired: the table whose flush event has just been spent; InvalidOid: none. flags: of the security context in which
// rows are written and functions called. What it allocates is left to the caller's memory: that of one call of an SQL
// function or trigger. Locks: every parent row that is written, until the end of the transaction, in one order for all
// transactions. Errors: 40001 when a row that has to be written changed since the snapshot of REPEATABLE READ or
// SERIALIZABLE; 23503 when rows were added to a parent that is gone; 42R01.
void flush_pending(Oid fired, int flags = 0);

// The counters of a parent as they are now; entries may be of an older build of them. The lock is kept.
Counters *current_counters(Oid root, LOCKMODE lock);

// An entry in terms of the counters as they are now, which may be another build of them.
Pending *translated(Pending *entry, Counters *counters);

// Parent rows and their deltas, those of equal keys added up, in the order of the key. A list of Pending *.
List *merged(const List *entries, Counters *counters);

}  // namespace ratchet
