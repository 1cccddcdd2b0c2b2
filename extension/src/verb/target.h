// verb/target.h: the row that a verb is called for: its table and its key.
#pragma once

#include "pg/pg.h"
#include "pg/text_array.h"

#include "contract/values.h"
#include "guard/guard_contract.h"

namespace ratchet {

struct Target {
  Relation relation;        // opened with ROW EXCLUSIVE, which is kept to the end of the transaction
  GuardContract *contract;  // of the relation
  Fields key;               // the columns of one unique key, none of them NULL
  Oid table;                // what Citus distributes, of which the relation is a shard; InvalidOid: it is no shard
  const char *place;        // what says which shard; valid only if table; nullptr: there is one
};

// Opens the table of a verb. Errors: 22004 without a table, 42P01, 42501 for a
// caller with no right at all to update it, 42R01 of a table that Citus distributes.
Relation open_target(FunctionCallInfo fcinfo, int argument);

// Errors: 42501 when the caller has this right neither on the relation nor on any of its columns.
void require_right(Oid relid, AclMode right);

// Errors: 42501 when the caller may not update all of these columns; 25006 in a read-only transaction. What the verb's
// statement would be refused for, for a verb that answers without it.
void require_update(Relation relation, const Fields &set);

// Opens a relation with ROW EXCLUSIVE, for a caller who has this right on it
// or on any of its columns. Errors: 42P01, 42501, 42R01 of a table that Citus distributes.
Relation open_relation(Oid relid, AclMode right);
void close_target(const Target &target);

// What a key, argument 1, says of the shard that its row of a distributed table is on; nullptr: there is one.
// Errors: class 22.
const char *place_of(Oid table, FunctionCallInfo fcinfo);

// The same as open_relation() of a row's table, which may be one that Citus distributes: then of the shard that place
// says, see contract/distributed.h. 42R01 where that is not on this node.
Relation open_place(Oid relid, AclMode right, const char *place);

// Reads table, contract and key from arguments 0 and 1, as every verb has
// them. The key is the value of a single-column primary key, or an object (as
// jsonb, or as text where the primary key is composite) with the columns of
// any unique key. Errors: class 22.
Target read_target(FunctionCallInfo fcinfo);

// A key that has a column which the verb itself changes does not name the row any more once that is done. Gives the key
// the column's value afterwards; false: the key does not have it.
bool rename_row(Target *target, AttrNumber attnum, Datum value);

// The key alone. primary_key: see single_primary_key().
Fields read_key(Relation relation, AttrNumber primary_key, FunctionCallInfo fcinfo, int argument);

// An argument that may be NULL.
Jsonb *jsonb_argument(FunctionCallInfo fcinfo, int argument);

// The one row that a verb answers.
Datum answer_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

// Sets a column of an answer: SQL NULL for nullptr, and for no names.
void set_text(const char *text, Datum *value, bool *isnull);
void set_names(List *names, Datum *value, bool *isnull);

}  // namespace ratchet
