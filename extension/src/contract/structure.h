// contract/structure.h: triggers, rules and relations that would defeat a contract.
//
// Neither the guard nor the counters have an AFTER check; they rely on firing last among the
// BEFORE row triggers. What would break that is looked for (guard/structure.h,
// tally/structure.h say what) when a contract is declared, when DDL changes the table, when a contract is
// loaded into the cache, and by ratchet.health(). Here is what both need.
#pragma once

#include "pg/pg.h"

#include "contract/trigger_cache.h"

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

Finding *finding(const char *severity, const char *text, const char *remedy);

// Raises the first of these findings (Finding *) as 42R01, if there is any.
void raise_first(Relation relation, const List *findings);

bool is_before_row(const Trigger &trigger);

// Which of ratchet's triggers others must not fire after.
enum class Last : unsigned char { guard, counters };

// BEFORE row triggers that fire after that one, and rules that replace updates: findings.
List *later_triggers(Relation relation, Last last);
List *instead_rules(Relation relation, Last last);

// How many BEFORE UPDATE row triggers an executor's own list has, enabled or not.
int count_before_update(const TriggerDesc *triggers);

// Whether there are any that are not ratchet's, enabled or not.
bool has_foreign_before_update(Relation relation);

// Whether there is exactly one, enabled or not.
bool is_only_before_update(Relation relation);

}  // namespace ratchet
