// contract/errors.h: every family of errors that users meet, one wording and one
// SQLSTATE each.
//
// Class 23 is repeated by no retry loop that goes by SQLSTATE (what exception
// a client makes of it is another matter, see docs/clients/README.md); 42R01 is a
// contract that cannot be enforced, a definition's fault like 42P17 and 42809,
// in a class that no client takes for a passing trouble of operation (of class 55 it
// is repeated by those who repeat DB-API's OperationalError); class 22 is a bad
// argument, found before anything was changed. Messages carry names, never
// row values.
#pragma once

#include "pg/pg.h"
#include "pg/sqlstate.h"

extern "C" {
#include "utils/jsonb.h"
}

namespace ratchet {

// 23R01: a write touches a guarded column in mode reject. detail: a sentence that says why.
[[noreturn]] void error_guarded_column(Relation relation, const char *column, const char *detail);
// 23R02: a state column would go where its graph does not lead.
[[noreturn]] void error_transition(Relation relation, const char *column, const char *detail);
// 23R03: a forward column would go down.
[[noreturn]] void error_backward(Relation relation, const char *column);
// 23R04: a write brings another version than the row has.
[[noreturn]] void error_stale_version(Relation relation, const char *column);
// 23R04: a write brings a smaller fence than the row has.
[[noreturn]] void error_stale_fence(Relation relation, const char *column);
// 23R05: a counter would go beyond its limit. bound: the column that says how far it may go; nullptr: a number does.
[[noreturn]] void error_limit(Oid relation, const char *counter, bool below, const char *bound, const char *constraint);
// 23R01: the key of a counted row changes.
[[noreturn]] void error_counted_key(Relation relation, const char *column);
// 23R01: insert => 'reject' and a row that is not born open.
[[noreturn]] void error_born_closed(Relation relation, const char *column, bool state);

// 23R01: delete => 'reject' and a row that is closed, or in a terminal state; or TRUNCATE.
[[noreturn]] void error_closed_stays(Relation relation, const char *column, bool state);
[[noreturn]] void error_truncated(Relation relation);

// 42R01 family.
[[noreturn]] void error_unenforceable(Relation relation, const char *finding, const char *remedy);
// The same of a table that is not open.
[[noreturn]] void error_broken(Oid relation, const char *finding, const char *remedy);
// A contract's column that was dropped. part: as what it has it.
[[noreturn]] void error_column_of_contract(Oid relation, const char *column, const char *part);
[[noreturn]] void error_no_contract(Relation relation);
[[noreturn]] void error_disabled(Relation relation);
[[noreturn]] void error_suppressed(Relation relation);
[[noreturn]] void error_reopened(Relation relation);
[[noreturn]] void error_record_suppressed(Relation child);

// Class 22 family. sqlstate lets a stale contract report the same fault as 42R01; otherwise the hint is a column of
// nearly that name.
[[noreturn]] void error_no_column(int sqlstate, Relation relation, const char *column);
// message: the whole sentence, with a %s for the column's name, the relation's, and `more` where there is a third.
[[noreturn]] void error_column_unfit(int sqlstate, Relation relation, const char *column, const char *message,
                                     const char *more = nullptr);
// text: the sentence as it is.
[[noreturn]] void error_column_fault(int sqlstate, Relation relation, const char *column, const char *text);
[[noreturn]] void error_null_argument(const char *argument);
// value: what was given instead. example: of the object that is meant.
[[noreturn]] void error_not_object(const char *argument, const Jsonb *value,
                                   const char *example = "{\"comment\": \"text\"}");
// What to say of a JSON string where an object or an array is meant; nullptr: it is no string.
const char *hint_encoded_twice(const Jsonb *value);
[[noreturn]] void error_argument(const char *message, const char *hint);
[[noreturn]] void error_no_such_key(Relation relation);
[[noreturn]] void error_not_in_contract(Relation relation, const char *argument);

[[noreturn]] void error_not_owner(Oid relation, const char *action);

// 55000: a declaration that an earlier version's SQL objects pass on; README.md says which entry points are theirs.
[[noreturn]] void error_earlier_objects();

}  // namespace ratchet
