// verb/direct_submit.h: closing a gate without the executor, on tables where nothing of
// the executor is needed.
#pragma once

#include "pg/pg.h"

#include "guard/guard_contract.h"
#include "verb/target.h"

namespace ratchet {

// What an unexpecting caller's submit found.
enum class Closing : unsigned char {
  done,    // the gate was open and is closed now
  closed,  // it was closed already; `row` is the row as it is
  unable   // nothing was changed; the statement has to decide
};

// Finds the row by its primary key and, if its gate is open, stores it with
// the given columns. row: the row found, when it was closed already; in the
// caller's memory. Errors: 40001 under REPEATABLE READ and SERIALIZABLE, as
// the executor's.
Closing close_directly(const Target &target, const Fields &set, HeapTuple *row);

}  // namespace ratchet
