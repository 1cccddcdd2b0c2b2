#include "contract/companion.h"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "utils/fmgroids.h"
}

#include "contract/distributed.h"
#include "contract/stored_trigger.h"
#include "pg/list.h"

namespace ratchet {

namespace {

// The triggers that depend on an object as a whole.
List *triggers_on(Oid classid, Oid object) {
  Relation catalog = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[3];
  ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(classid));
  ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object));
  ScanKeyInit(&keys[2], Anum_pg_depend_refobjsubid, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(0));
  SysScanDesc scan = systable_beginscan(catalog, DependReferenceIndexId, true, nullptr, 3, keys);
  List *triggers = NIL;
  while (HeapTuple tuple = systable_getnext(scan)) {
    const auto form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    if (form->classid == TriggerRelationId) triggers = lappend_oid(triggers, form->objid);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return triggers;
}

}  // namespace

Oid find_companion(Oid parent, TriggerKind kind) {
  for (const Oid oid : each_oid(triggers_on(RelationRelationId, parent))) {
    const StoredTrigger *trigger = stored_trigger(oid);
    if (trigger != nullptr && trigger->kind == kind && trigger->relation != parent &&
        !OidIsValid(table_of_shard(trigger->relation)))
      return trigger->relation;
  }
  return InvalidOid;
}

Oid find_named_parent(Relation relation, TriggerKind kind) {
  for (const Trigger *trigger : find_triggers(relation, kind))
    if (OidIsValid(trigger->tgconstrrelid)) return trigger->tgconstrrelid;
  return InvalidOid;
}

List *companions(TriggerKind kind, Oid owner) {
  List *tables = NIL;
  const Oid function = find_trigger_function(kind);
  if (!OidIsValid(function)) return NIL;
  for (const Oid oid : each_oid(triggers_on(ProcedureRelationId, function))) {
    const StoredTrigger *trigger = stored_trigger(oid);
    if (trigger != nullptr && (!OidIsValid(owner) || find_owner_of_relation(trigger->relation) == owner))
      tables = list_append_unique_oid(tables, trigger->relation);
  }
  return tables;
}

}  // namespace ratchet
