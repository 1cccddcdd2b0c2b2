// activity/audit.h: attempts under contracts with audit => true, in a table beside the guarded one.
//
//   CREATE TABLE scorecards_attempts (at timestamptz NOT NULL, key text, outcome text NOT NULL, ...)
//
// The row is written in the transaction of the attempt, and goes with it if it is rolled back: what is there is what
// happened. An attempt that is refused with an error is therefore not there; ratchet.log and ratchet.stat have those.
//
// The table is its owner's, as the guarded one is, so it is in his dumps. Writers need no right on it: a row is stored
// by the heap and its indexes alone, so that no trigger, rule, policy or default that the owner has given to the table
// is run by the writer. What would have to be computed for a row, by an index or a generated column, makes the table
// unfit, because whoever's right it would be computed with, the settings would be the writer's.
#pragma once

#include "pg/pg.h"

#include "activity/event.h"

namespace ratchet {

enum AttemptColumn {
  at_column,
  key_column,
  outcome_column,
  columns_column,
  actor_column,
  idempotency_key_column,
  role_column,
  client_address_column,
  application_name_column,
  transaction_column,
  attempt_column_count
};

struct AttemptColumnType {
  const char *name;
  Oid type;
  const char *type_name;
  bool not_null;
};

extern const AttemptColumnType attempt_columns[attempt_column_count];

// Whether a table can have attempts stored: nullptr, and columns are where a row of it has each of them; otherwise what
// is wrong. The table is open. columns: attempt_column_count.
const char *find_attempts_fault(Relation table, AttrNumber *columns);

inline constexpr const char *attempts_hint =
    "Declare the contract again with ratchet.guard(), which makes a table where there is none. Where there is one give "
    "both one owner, undo what was changed about it, or drop it first.";

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

// relation: the guarded table. attempts: that of its attempts; InvalidOid: there is none that is its owner's. columns:
// names, char *, of those that were kept or observed; NIL: none. Errors: 42R01 where the attempt cannot be stored: it
// must not be made unseen. Locks: ROW EXCLUSIVE on the table of attempts, until the end of the transaction, after that
// on the guarded one, as ratchet.guard() locks them.
void audit_attempt(Oid relation, Oid attempts, Event event, const List *columns, const Description &told);

}  // namespace ratchet
