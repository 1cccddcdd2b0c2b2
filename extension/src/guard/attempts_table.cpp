#include "guard/attempts_table.h"

#include "activity/audit.h"
#include "contract/companion.h"
#include "contract/stored_trigger.h"
#include "pg/list.h"
#include "pg/partition.h"

namespace ratchet {

// A partition may have one of its own, of before it was attached.
Oid find_attempts_table(Oid relid) { return find_companion(find_topmost_ancestor(relid), TriggerKind::attempts); }

Oid find_parent_of_attempts(Relation table) { return find_named_parent(table, TriggerKind::attempts); }

bool has_audit(Oid relid) {
  for (const auto *trigger : each<StoredTrigger>(stored_triggers(relid))) {
    if (trigger->kind != TriggerKind::guard) continue;
    for (int i = 0; i < trigger->narguments; ++i)
      if (const char *value = value_of(trigger->arguments[i], "audit"); value != nullptr) return true;
  }
  return false;
}

const char *find_attempts_fault_of(Oid relid, Relation table) {
  AttrNumber columns[attempt_column_count];
  if (table->rd_rel->relowner != find_owner_of_relation(relid))
    return psprintf("tables \"%s\" and \"%s\" have different owners", RelationGetRelationName(table),
                    get_rel_name(relid));
  return find_attempts_fault(table, columns);
}

}  // namespace ratchet
