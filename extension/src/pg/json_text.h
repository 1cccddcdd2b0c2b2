// pg/json_text.h: values as JSON, without the casts that their types' owners may have declared.
//
// to_jsonb() and its relatives look for a cast to json, and its function would
// run as whoever reads the value. Here values are written by their types' output
// functions, which only a superuser can define: what a plain SELECT would
// show. Booleans, numbers, times, arrays, rows and JSON itself come out as
// to_jsonb() writes them.
#pragma once

#include "pg/pg.h"

namespace ratchet {

void append_json(StringInfo out, Oid type, Datum value, bool isnull);

//   "name": value, with a comma before it where the object has a member already
void append_json_member(StringInfo out, const char *name, Oid type, Datum value, bool isnull);

// The text as jsonb.
Datum jsonb_of_text(const char *json);

// A row, named or anonymous, as a jsonb object of its columns.
Datum jsonb_of_row(Datum row);

}  // namespace ratchet
