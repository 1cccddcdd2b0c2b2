#include "pg/pg.h"

extern "C" {
#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
}

#include "contract/errors.h"
#include "guard/structure.h"
#include "pg/list.h"

namespace ratchet {

List *structural_findings(Relation relation) {
  List *findings = list_concat(later_triggers(relation, Last::guard), instead_rules(relation, Last::guard));
  const Trigger *guard = find_trigger(relation, TriggerKind::guard);
  // Through an ancestor without the contract a row could move out, be changed, and move in again.
  if (relation->rd_rel->relispartition && guard != nullptr && !guard->tgisclone)
    findings = lappend(findings, finding("error", "the table has become a partition of a table without the contract",
                                         "Remove it with ratchet.unguard() and guard the topmost partitioned table."));
  if (has_inheritance_children(relation))
    findings =
        lappend(findings, finding("error", "the table has inheritance children, whose rows the guard does not see",
                                  "Guard each child instead, or use declarative partitioning."));
  return findings;
}

void check_structure(Relation relation) { raise_first(relation, structural_findings(relation)); }

List *move_findings(Oid root) {
  List *findings = NIL;
  for (const Oid oid : each_oid(find_all_inheritors(root, AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    for (const OwnTrigger &own : copy_triggers(member)) {
      const Trigger &trigger = *own.trigger;
      if (!is_before_row(trigger) || !TRIGGER_FOR_INSERT(trigger.tgtype) || !fires_ordinarily(trigger)) continue;
      findings = lappend(
          findings,
          finding("warning",
                  psprintf("BEFORE INSERT trigger \"%s\" of \"%s\" could rewrite a row that moves between partitions; "
                           "updates that change a partition key are refused",
                           trigger.tgname, RelationGetRelationName(member)),
                  "Make it an AFTER trigger or a column default, or leave partition keys unchanged."));
    }
    // The root is locked by the caller.
    table_close(member, oid == root ? NoLock : AccessShareLock);
  }
  return findings;
}

void check_moves(Relation leaf, GuardContract *contract) {
  if (contract->moves_checked == cache_generation()) return;
  // Read before looking: an invalidation in between makes the next call look again.
  const uint64 looked_at = cache_generation();
  List *findings = move_findings(contract->root);
  raise_first(leaf, findings);
  contract->moves_checked = looked_at;
}

}  // namespace ratchet
