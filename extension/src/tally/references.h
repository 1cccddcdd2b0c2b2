// tally/references.h: the foreign key that a tally counts along.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/pg_list.h"
#include "utils/relcache.h"
}

#include "contract/tally_terms.h"

namespace ratchet {

// The foreign keys over the columns of a tally (ForeignKeyCacheInfo *), clones left out; parent: those to one table
// alone.
List *find_references(Relation child, const ChildTerms *source, Oid parent = InvalidOid);

// The parent that the foreign key of a tally leads to; InvalidOid: there is no such key.
Oid find_parent(Relation child, const ChildTerms *source);

// Whether there is no foreign key over the same columns that leads elsewhere.
bool has_one_parent(Relation child, const ChildTerms *source);

}  // namespace ratchet
