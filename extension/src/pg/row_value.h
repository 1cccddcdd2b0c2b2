// pg/row_value.h: one column of one row: its value, its stored image, its default.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "executor/tuptable.h"
#include "utils/relcache.h"
}

namespace ratchet {

struct Value {
  Datum datum;
  bool isnull;
};

// One column of a row.
inline Value value_of(TupleTableSlot *slot, AttrNumber attnum) {
  Value value;
  value.datum = slot_getattr(slot, attnum, &value.isnull);
  return value;
}

// Equality of stored images, not of values: no operator is needed, so it works
// for every type, and 1.0 and 1.00 differ.
bool same_image(Datum a, bool a_null, Datum b, bool b_null, bool typbyval, int16 typlen);

// The column's default, evaluated now: NULL where it has none.
Datum default_value(Relation relation, AttrNumber attnum, bool *isnull);

// Whether the column's default is another value at every look.
bool has_volatile_default(Relation relation, AttrNumber attnum);

// Whether a value is the column's default: NULL where it has none.
bool has_default_value(Relation relation, AttrNumber attnum, Datum value, bool isnull);

// The text form of a value.
const char *text_of_value(Oid type, Datum value);

}  // namespace ratchet
