// contract/comparable.h: texts and JSON as values to compare a column with.
//
// An assignment rounds a value to the column's length and has its domain
// check it. A comparison does neither: in numeric(5,2) there is no row 1.004, and a
// check of a domain, with a function of its owner's, does not run as
// whoever names a key. So values are converted as the base type without a
// length, also inside of arrays and rows, and then labelled as the
// column's type, whose values have the same form.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/jsonb.h"
#include "utils/relcache.h"
}

namespace ratchet {

struct Comparable {
  Oid type;  // what the value can be compared as: the column's base type
  Datum value;
  bool isnull;
};

// Errors: 22xxx when it is no value of the type; 22023 for a range of a domain, whose values cannot be made without
// the domain's check.
Comparable convert_text(Relation relation, AttrNumber attnum, const char *text);

// The member of a JSON object that has the column's name; what jsonb_populate_record() makes of it.
Comparable convert_member(Relation relation, AttrNumber attnum, const Jsonb *object);

// The same to be stored: with the column's length, and with its domain's checks.
Datum convert_assigned(Relation relation, AttrNumber attnum, const Jsonb *object, bool *isnull);

}  // namespace ratchet
