// verb/stuck_rows.h: rows that nobody works on any more, as stuck() lists and sweep() takes them.
#pragma once

#include "pg/pg.h"

#include "guard/guard_contract.h"

namespace ratchet {

struct StuckRows {
  Relation relation;
  const GuardContract *contract;
  const char *state;          // only rows in this state; nullptr: all that are alive, or not finished
  const StateColumn *column;  // whose state is told; nullptr: none, or several
  const char *status;         // its text, as SQL
  const char *since_column;   // the time to judge by
  const char *since;          // the same as a timestamptz, as SQL
};

// Reads arguments `state` and `since` of a function about the relation. Errors: 22023.
StuckRows read_stuck_rows(Relation relation, const GuardContract *contract, FunctionCallInfo fcinfo, int state_argument,
                          int since_argument);

// Has the state of this column told.
void tell_column(StuckRows *rows, const StateColumn *column);

//   FROM schema.table t WHERE (t."since"::timestamptz < now() - $1 OR t."since"::timestamptz IS NULL)
//   AND <not finished> AND <in one of the states> AND <in one of `from`>
//   ORDER BY t."since"
// $1: the interval. Without states neither the NULLs, which are rows that nobody has begun with, nor that condition.
// from: states of rows.column, as text; NIL: whatever it is.
void write_stuck_rows(StringInfo sql, const StuckRows &rows, List *from = NIL);

// What is told of each, as SQL: the key, the state, the time, the age, and a jsonb of what the row is stuck by, which a
// verb can expect in order to judge the row again as it was seen.
const char *told_columns(const StuckRows &rows);

// The only column that has this state. Errors: 22023.
const StateColumn *column_with_state(Relation relation, const GuardContract *contract, const char *state);

}  // namespace ratchet
