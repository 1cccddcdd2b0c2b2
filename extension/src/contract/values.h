// contract/values.h: JSON objects and texts that name columns, as typed values.
//
// All conversion happens here, before a verb changes anything, so a bad
// argument is a class 22 error with nothing done.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/jsonb.h"
}

namespace ratchet {

struct Field {
  AttrNumber attnum;
  const char *name;
  Oid type;
  Datum value;
  bool isnull;
};

// Sorted by attribute number, so that the same set of columns always makes
// the same statement.
struct Fields {
  int count;
  Field *items;

  const Field *begin() const { return items; }
  const Field *end() const { return items + count; }
};

// What the named columns are for: only some can be set, all can be compared.
enum class Purpose : unsigned char { set, compare };

// Converts a JSON object as jsonb_populate_record does, for Purpose::compare
// without lengths and domains, see contract/comparable.h. argument: what the
// caller calls it, for errors. nullptr gives no fields.
Fields convert_object(Relation relation, const Jsonb *object, const char *argument, Purpose purpose);

// Converts an SQL argument, directly where it has the column's type, otherwise
// through its text form. The caller knows that it is not NULL. name: what it calls the argument, for errors.
Field convert_argument(Relation relation, AttrNumber attnum, FunctionCallInfo fcinfo, int argument, const char *name,
                       Purpose purpose);

// The type that an argument has in this call: of an overload, or of an
// argument declared with a polymorphic type.
Oid type_of_argument(FunctionCallInfo fcinfo, int argument);

// The text form of an argument; nullptr: it is NULL.
const char *text_of_argument(FunctionCallInfo fcinfo, int argument);

// A value that is at hand already.
Field field_of_value(Relation relation, AttrNumber attnum, Datum value, bool isnull);

const Field *find_field(const Fields &fields, AttrNumber attnum);

// Adds a field, keeping the order; the caller knows that it is not there yet.
void add_field(Fields *fields, const Field &field);

inline bool is_blank(const char *text) { return text[strspn(text, " \t\r\n")] == '\0'; }

}  // namespace ratchet
