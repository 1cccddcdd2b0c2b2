// tally/condition.h: whether a parent row, as it is about to be stored, is complete.
#pragma once

#include "pg/pg.h"

#include "pg/row_value.h"
#include "tally/tally.h"

namespace ratchet {

// A row that is about to be stored. Conditions see it with what the counters will be.
struct Stored {
  const Counters *counters;
  TupleTableSlot *row;   // as the writer, other triggers and the guard have left it
  const Value *kept;     // what the guarded columns will be, in the order of counters->guarded
  TupleTableSlot *seen;  // what conditions see; nullptr: not made yet
};

// Whether a completion's total is reached, or its condition true; NULL is false. Errors: 42R01 when the condition
// cannot be resolved.
bool is_complete(Stored *stored, const ParentCompletion &completion);
void release(Stored *stored);

// Errors: 42R01 when the condition of a completion cannot be resolved.
void require_condition(const Counters *counters, const ParentCompletion &completion);

// What will be stored of a column. A column that a completion or a limit reads may be a counter itself, of another
// tally.
Value stored_value(const Stored &stored, AttrNumber attnum);

// Whether a value is at least a bound; each is a smallint, integer, bigint or numeric.
bool at_least(Oid type, Datum value, Oid bound_type, Datum bound);

// The place of a column among the guarded ones; -1: it is none of them.
int place_of(const Counters *counters, AttrNumber attnum);

}  // namespace ratchet
