// tally/limit.h: counters that may not go beyond a column of their row, or a number.
//
// A limit is judged under the lock of the parent's row, on its newest version: by the flush that adds to the counter
// and by whoever changes the column. So no two transactions can each have the last place.
#pragma once

#include "pg/pg.h"

#include "tally/condition.h"

namespace ratchet {

// The limit that a write would break; limit is nullptr where there is none. before: the old row. A row that is beyond a
// limit already, because it is older than the limit or was written in the replica role, may stay so, but
// not go further.
struct Breach {
  const ParentLimit *limit;
  bool below;  // its min, otherwise its max
};
Breach find_breach(const Stored &stored, TupleTableSlot *before);

// Errors: 23R05.
[[noreturn]] void error_breach(const Counters *counters, const Breach &breach);

// Whether rows of this table, a child, count into a counter that has a limit.
bool is_limited(Relation child);

// The limit that an error says would be broken; nullptr: it is another error.
const char *limit_in(const ErrorData *error);

}  // namespace ratchet
