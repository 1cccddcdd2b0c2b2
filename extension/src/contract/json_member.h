// contract/json_member.h: members of JSON objects as values of one type, as jsonb_populate_record() makes them.
//
// A reader looks the type up once, for as many objects as there are. It keeps what it has looked up in the memory
// context that was current when it was made.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "access/tupdesc.h"
#include "utils/jsonb.h"
}

namespace ratchet {

struct MemberReader {
  const char *name;
  FmgrInfo function;  // the type's input function; jsonb_populate_record() where the type is no scalar
  Oid parameter;      // of the input function
  int32 typmod;
  TupleDesc row;  // nullptr: it is a scalar; otherwise a row of this member alone
  Datum blank;    // such a row, with NULL
};

MemberReader make_reader(const char *name, Oid type, int32 typmod);

// Also NULL is read, which a domain may refuse. Errors: 22xxx when it is no value of the type; what a domain's check
// raises.
Datum read_member(MemberReader *reader, const Jsonb *object, bool *isnull);

bool has_member(const Jsonb *object, const char *name);

}  // namespace ratchet
