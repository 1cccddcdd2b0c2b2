// guard/structure.h: what would defeat a guard.
#pragma once

#include "pg/pg.h"

#include "contract/structure.h"
#include "guard/guard_contract.h"

namespace ratchet {

// Findings, palloc'ed, about a relation that has or shall have a contract:
// what check_structure() raises.
List *structural_findings(Relation relation);

// Raises the first structural finding as 42R01.
void check_structure(Relation relation);

// Findings about BEFORE INSERT row triggers in a partition tree, which could
// rewrite a guarded row while it moves between partitions.
List *move_findings(Oid root);

// Called when an update changes a partition key. Errors: 42R01 when a foreign
// BEFORE INSERT row trigger in the tree could rewrite the moving row.
void check_moves(Relation leaf, GuardContract *contract);

}  // namespace ratchet
