// activity/audit.h: attempts under contracts with audit => true, in the table ratchet.attempt.
//
// The row is written in the transaction of the attempt, and goes with it if it is rolled back: what is there is what
// happened. An attempt that is refused with an error is therefore not there; ratchet.log and ratchet.stat have those.
//
// Nobody has a right on the table, neither do writers need one nor can they forge a row: it is stored here, by the heap
// and its indexes alone, so that no trigger, rule, policy or default that somebody has given to the table is run by the
// writer. What an index of a superuser's computes runs as the table's owner.
#pragma once

#include "pg/pg.h"

#include "activity/event.h"

namespace ratchet {

// What is told of an attempt beside its contract and what became of it. In the memory that is current.
struct Description {
  const char *key;              // of the row, as text; nullptr: not known
  const char *actor;            // nullptr: none is named
  const char *idempotency_key;  // the same
  int sqlstate;                 // of the error that is about to be raised; 0: none is
};

// Signs of life are no attempts at anything, and what ends in an error leaves no row.
inline bool is_audited(Event event) {
  return is_attempt(event) && event != Event::rejected && event != Event::alive && event != Event::finished;
}

// columns: names, char *, of those that were kept or observed; NIL: none. Errors: 42R01 where the table is not as the
// extension has made it. Locks: ROW EXCLUSIVE on the table, until the end of the transaction.
void audit_attempt(Oid relation, Event event, const List *columns, const Description &told);

}  // namespace ratchet
