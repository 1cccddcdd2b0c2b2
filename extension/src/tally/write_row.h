// tally/write_row.h: adding what was counted to one row of a parent.
#pragma once

#include "pg/pg.h"

#include "contract/statement.h"
#include "tally/pending.h"

namespace ratchet {

// Adds an entry to its row; or keeps it, when the row is gone and nothing was added to it; or lets it spill, where the
// contract says so. alone: the flush writes no other row. The caller has become the owner, and has the table with ROW
// EXCLUSIVE or more. Errors: as flush_pending().
void write_row(Counters *counters, Pending *entry, bool alone);

enum class Folded : unsigned char {
  folded,
  busy,  // another transaction has the row
  gone   // nothing lies spilled for the row, or there is no such row, and what lay spilled for it is gone too
};

enum class FoldMode : unsigned char {
  sparing,  // a row whose old versions pile up under somebody's snapshot counts as busy
  unless_busy,
  waiting  // for a transaction that has the row
};

// Adds what lies spilled for a row to it. Nothing may be pending. For anybody but the owner, a superuser above all, it
// is a security-restricted operation: a deferred trigger of the owner's would run as the caller at COMMIT. Locks: the
// caller has the table, with ROW EXCLUSIVE or more.
Folded write_folded(Counters *counters, const Datum *key, FoldMode mode);

//   WHERE t."k" OPERATOR(pg_catalog.=) $2 AND ..., for the key that tallies reference
void write_row_key(SqlWriter *writer, const Counters *counters);

// Its parameters, where it is all that the statement has.
Parameters key_parameters(const Counters *counters, const Datum *key);

}  // namespace ratchet
