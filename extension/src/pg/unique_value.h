// pg/unique_value.h: unique indexes: which of them name a row, and a key that is used again, for another row or by
// another actor.
//
// That two rows have the same key only an index can tell without a race. So where the column has
// a unique one, the verb's statement runs in a subtransaction, and the
// index's refusal is the answer.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/relcache.h"
}

namespace ratchet {

// Whether it is a unique index that identifies one row at any moment: whole (no expressions, no predicate), valid, and
// checked at once.
bool identifies(Relation index);

// Whether an index may refuse a second row with the same value in this column, beside others.
bool may_be_unique(Relation relation, AttrNumber attnum);

// Whether an error says that such an index, of the relation or of one of its partitions, has refused a row.
bool is_repeated_value(Relation relation, AttrNumber attnum, const ErrorData *error);

}  // namespace ratchet
