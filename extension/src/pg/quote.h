// pg/quote.h: names in generated SQL, always quoted and schema-qualified, so
// that no search_path changes what a statement means.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// schema.table
const char *qualified_relation(Oid relation);

// OPERATOR(schema.name)
const char *qualified_operator(Oid op);

// The equality operator of a type's default btree or hash class; InvalidOid: it has none.
Oid equality_operator(Oid type);

// A type as a cast to it is written, without a type modifier: character as
// such would mean one of length 1.
const char *qualified_type(Oid type);

// A function's qualified signature, which is the same in every session.
const char *function_signature(Oid function);

// A function by its qualified signature; InvalidOid: there is none.
Oid find_function(const char *signature);

}  // namespace ratchet
