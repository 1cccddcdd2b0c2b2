// contract/resolved_contract.h: stored expressions as trees that name nothing.
//
// For DDL on what an expression names: resolved before a rename and written after it, it has followed. The table is not
// opened and so not locked; its columns are parameters, numbered as its attributes. No user's code runs: an expression
// with a literal that only a domain's or a composite type's own functions could read is left alone.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/nodes.h"
}

namespace ratchet {

// An expression of a tally of this table, as the table's owner would resolve it; nullptr: it is left alone.
// Errors: what the parser says.
Node *resolve_expression(Oid relation, const char *text);

// Its text, as canonical_expression() writes it.
const char *write_expression(Oid relation, Node *expression);

// Whether an expression names a column.
bool names_column(const char *text, const char *column);

// Whether an expression calls a function.
bool calls(Node *expression, Oid function);

// Whether an expression calls any function that is not PostgreSQL's own.
bool calls_users_function(Node *expression);

// Whether an expression calls a function, or checks a domain, that is neither the owner's nor a superuser's.
bool calls_strangers_function(Node *expression, Oid owner);

// Whether the owner may execute everything that an expression calls. Returns the first function that he may not.
Oid forbidden_function(Node *expression, Oid owner);

}  // namespace ratchet
