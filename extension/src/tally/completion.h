// tally/completion.h: what happens when a parent row becomes complete.
#pragma once

#include "pg/pg.h"

#include "tally/tally.h"

namespace ratchet {

// A completion that was found.
struct Completed {
  const Counters *counters;  // lives until the end of the transaction
  int place;                 // in counters->completions
  const Datum *key;          // of the parent row, as counters->key
};

// Notifies and calls on_done for each that is due (Due *), in order, unless one called before has undone it. chain: how
// many completions led to these; flags: of the security context that the functions run in. Errors: those of the
// functions, which fail the transaction (or the savepoint) as a whole; 54001 when there is no end to it.
void complete(const List *due, int chain, int flags = 0);

// The function of a completion. Errors: sqlstate when there is no such
// function, it takes other arguments than the parent's key, or the tables'
// owner may not execute it.
Oid completion_function(Relation parent, const char *signature, const Oid *key_types, int nkey, Oid owner,
                        int sqlstate);

}  // namespace ratchet
