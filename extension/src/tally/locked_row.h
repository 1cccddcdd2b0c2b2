// tally/locked_row.h: where the row is that a statement has locked last.
//
// The foreign key's check of a new child finds the parent's row by its key and
// locks it, in a statement of its own; the flush needs the same row. Owns the
// place of one row, for one transaction.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "storage/itemptr.h"
}

namespace ratchet {

// When an executor run has finished.
void remember_locked_row(const QueryDesc *query);

// A hint: where the last SELECT ... FOR KEY SHARE, SHARE or UPDATE of this
// transaction found its row, if that was in this relation. The page exists; what
// is there now may be another row, or none. False: no such SELECT is known.
bool last_locked(Oid relation, ItemPointerData *tid);

}  // namespace ratchet
