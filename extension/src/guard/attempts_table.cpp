#include "guard/attempts_table.h"

extern "C" {
#include "catalog/partition.h"
}

#include "activity/audit.h"
#include "contract/companion.h"
#include "contract/stored_trigger.h"
#include "pg/list.h"

namespace ratchet {

Oid find_attempts_table(Oid relid, Oid *parent) {
  *parent = relid;
  Oid table = find_companion(relid, TriggerKind::attempts);
  if (OidIsValid(table) || !get_rel_relispartition(relid)) return table;
  for (const Oid ancestor : each_oid(get_partition_ancestors(relid))) {
    *parent = ancestor;
    table = find_companion(ancestor, TriggerKind::attempts);
    if (OidIsValid(table)) return table;
  }
  return InvalidOid;
}

Oid find_attempts_table(Oid relid) {
  Oid parent;
  return find_attempts_table(relid, &parent);
}

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
