// tally/expression.h: what a counter counts, as an expression over the child's columns, and what completes a parent,
// over the parent's.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/primnodes.h"
}

namespace ratchet {

// Reads what a caller of ratchet.tally() writes: a condition, or sum(expression).
// Returns the expression deparsed, with every name qualified that is not in
// pg_catalog. counter: the column it is for. Errors: 22023, or what the parser says, which name it.
const char *canonical_expression(Relation child, const char *counter, const char *text, bool *sum);

// A deparsed expression for one relation: parsed by column name, checked,
// planned, in the current memory context. sum: it must be smallint, integer,
// bigint or numeric, otherwise boolean. sqlstate: of what is wrong with it.
Expr *parse_expression(Relation relation, const char *text, bool sum, int sqlstate);

// The same of what completes a parent: a condition, never a sum.
const char *canonical_condition(Relation parent, const char *completion, const char *text);
Expr *parse_when(Relation parent, const char *text, int sqlstate);

// The expression as it is written, with nothing inlined: what it depends on.
Node *parse_condition(Relation relation, const char *text);

// The expression after a column was renamed: `text` has the old name, the
// relation the new one.
const char *renamed_expression(Relation relation, const char *text, const char *from, const char *to);

}  // namespace ratchet
