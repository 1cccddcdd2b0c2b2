// contract/structure.h: triggers, rules and relations that would defeat a guard.
//
// The guard has no AFTER check; it relies on firing last among the BEFORE
// UPDATE row triggers. What would break that is looked for here: when a
// contract is declared, when DDL changes the table, when a contract is loaded
// into the cache, and by ratchet.health().
#pragma once

#include "pg/pg.h"

#include "guard/guard_contract.h"

namespace ratchet {

struct Finding {
  const char *severity;  // "error": not enforced, or refused at use; "warning": not enforced on some path
  const char *text;
  const char *remedy;
};

// Refuses relations that cannot carry a contract. action: "guard", "count". Errors: 42809.
void check_target(Relation relation, const char *action);

// Plain inheritance, not partitions.
bool has_inheritance_children(Relation relation);

// How many BEFORE UPDATE row triggers an executor's own list has, enabled or not.
int count_before_update(const TriggerDesc *triggers);

// Whether there are any that are not ratchet's, enabled or not.
bool has_foreign_before_update(Relation relation);

// Whether there is exactly one, enabled or not.
bool is_only_before_update(Relation relation);

// Ratchet's triggers must look as guard() makes them, because the guard relies
// on firing last and for every row, and nothing else may have their names.
// Errors: 42R01, 42939.
void check_shapes(Relation relation);

// Findings, palloc'ed, about a relation that has or shall have a contract:
// what check_structure() raises.
List *structural_findings(Relation relation);

// Raises the first structural finding as 42R01.
void check_structure(Relation relation);

// Findings about a relation whose counters are kept, or shall be.
List *counters_findings(Relation relation);

// Raises the first of them as 42R01.
void check_counters_structure(Relation relation);

// Findings about BEFORE INSERT row triggers in a partition tree, which could
// rewrite a guarded row while it moves between partitions.
List *move_findings(Oid root);

// Called when an update changes a partition key. Errors: 42R01 when a foreign
// BEFORE INSERT row trigger in the tree could rewrite the moving row.
void check_moves(Relation leaf, Contract *contract);

}  // namespace ratchet
