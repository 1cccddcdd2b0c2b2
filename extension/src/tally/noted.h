// tally/noted.h: which rows a transaction has completed, for whom nobody has been called yet.
//
// A call belongs to what becomes true by the transaction, as others will see it: true at a flush, and not before the
// transaction. So the first change of a completion notes what it was, and later ones what it is; what was called for is
// noted as if it had been so all along. Notes are kept in one table a subtransaction level, in memory of the
// transaction, and go with a savepoint that is rolled back.
#pragma once

#include "pg/pg.h"

#include "tally/completion.h"
#include "tally/pending.h"

namespace ratchet {

// A change of one completion of one row. was, is: whether it is complete before and after; a row that is deleted is
// not. counters: of any relation of the table. place: in their completions. row: has the key; where that has a NULL,
// there is nobody to call with it.
void note_completion(const Counters *counters, int place, TupleTableSlot *row, bool was, bool is);

// Whether anything is due: complete, and nobody called.
bool any_due();

// A completion that is due.
struct Due {
  PendingKey row;
  AttrNumber done;
  uint64 serial;
};

// What is due (Due *), in the order in which it became so. In the current memory context. Whoever lists it takes it.
List *list_due();

// Whether it is due still. From here on it counts as called for. completed: in terms of the contract as it is now.
bool take_due(const Due *due, Completed *completed);

// Before COMMIT and PREPARE: an error (42R01) where anything is due that no flush has called for.
void check_called();
void forget_noted();
// The current subtransaction is released, or rolled back.
void release_noted();
void drop_noted();

}  // namespace ratchet
