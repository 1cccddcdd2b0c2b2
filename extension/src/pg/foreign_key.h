// pg/foreign_key.h: foreign keys from a child table to its parent.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/relcache.h"
}

namespace ratchet {

// A clone of the constraint that only points at one partition of the
// referenced table: the key may well live in another one.
bool is_reference_clone(Oid constraint);

// Whether a column refers to another table by any foreign key.
bool is_in_foreign_key(Relation relation, AttrNumber attnum);

// The child's foreign keys, clones left out, that are over exactly these
// columns (in any order; count 0: over any) and reference this table
// (InvalidOid: any). A list of copies (ForeignKeyCacheInfo *).
List *references(Relation child, const AttrNumber *via, int count, Oid parent);

// Whether all these foreign keys refer to the same columns of the same table.
bool lead_to_one(const List *keys);

// Of foreign keys that all say the same, the oldest one that holds for every row; nullptr: none does.
const ForeignKeyCacheInfo *oldest_enforced(const List *keys);

// Whether every row that is there satisfies the constraint, and every new one must.
bool is_enforced(Oid constraint);

}  // namespace ratchet
