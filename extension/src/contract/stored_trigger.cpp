#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

#include "contract/stored_trigger.h"
#include "pg/compat.h"
#include "pg/list.h"
#include "pg/memory.h"

namespace ratchet {

namespace {

const StoredTrigger *read_trigger(Relation catalog, HeapTuple tuple) {
  const auto form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
  const TriggerKind kind = find_trigger_kind(form->tgfoid);
  if (kind == TriggerKind::none) return nullptr;
  auto *trigger = palloc0_object<StoredTrigger>();
  *trigger = {form->oid, kind, form->tgrelid, form->tgparentid, pstrdup(NameStr(form->tgname)), nullptr, form->tgnargs};
  trigger->arguments = palloc0_array<char *>(form->tgnargs + 1);
  bool isnull;
  const Datum packed = heap_getattr(tuple, Anum_pg_trigger_tgargs, RelationGetDescr(catalog), &isnull);
  const char *argument = isnull ? "" : VARDATA_ANY(DatumGetByteaPP(packed));
  for (int i = 0; i < trigger->narguments; ++i) {
    trigger->arguments[i] = pstrdup(argument);
    argument += strlen(argument) + 1;
  }
  return trigger;
}

// Calls see(catalog, tuple) for a trigger, or (by_relation) for all of a table.
template <typename See>
void scan_triggers(Oid of, bool by_relation, See &&see) {
  Relation catalog = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, by_relation ? Anum_pg_trigger_tgrelid : Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(of));
  SysScanDesc scan =
      systable_beginscan(catalog, by_relation ? TriggerRelidNameIndexId : TriggerOidIndexId, true, nullptr, 1, &key);
  while (HeapTuple tuple = systable_getnext(scan)) see(catalog, tuple);
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

// Calls see(form) for what an object depends on, or (by_reference) for what depends on it.
template <typename See>
void scan_dependencies(Oid classid, Oid objid, bool by_reference, See &&see) {
  Relation catalog = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], by_reference ? Anum_pg_depend_refclassid : Anum_pg_depend_classid, BTEqualStrategyNumber,
              F_OIDEQ, ObjectIdGetDatum(classid));
  ScanKeyInit(&keys[1], by_reference ? Anum_pg_depend_refobjid : Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(objid));
  SysScanDesc scan = systable_beginscan(catalog, by_reference ? DependReferenceIndexId : DependDependerIndexId, true,
                                        nullptr, 2, keys);
  while (HeapTuple tuple = systable_getnext(scan)) see(reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple)));
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

// Whether a name changes together with that of what it depends on, or is written with it.
bool shares_name(Oid above, Form_pg_depend dependent) {
  if (above == NamespaceRelationId) return true;
  if (dependent->deptype == DEPENDENCY_INTERNAL || dependent->deptype == DEPENDENCY_EXTENSION) return true;
  if (above != TypeRelationId) return false;
  // Signatures name types; columns of a domain are columns of what it is over.
  return dependent->classid == ProcedureRelationId || dependent->classid == TypeRelationId;
}

void add_dependents(Dependents *found, Oid classid, Oid objid) {
  CHECK_FOR_INTERRUPTS();
  check_stack_depth();
  List *below = NIL;
  scan_dependencies(classid, objid, true, [&](Form_pg_depend form) {
    if (form->classid == TriggerRelationId) {
      found->triggers = list_append_unique_oid(found->triggers, form->objid);
      return;
    }
    if (form->classid == RelationRelationId && classid == TypeRelationId)
      found->relations = list_append_unique_oid(found->relations, form->objid);
    // Columns have no dependents of their own; those of a partition key depend on their own table.
    if (form->objsubid != 0 || !shares_name(classid, form)) return;
    auto *object = palloc_object<ObjectAddress>();
    *object = {form->classid, form->objid, 0};
    below = lappend(below, object);
  });
  for (const auto *object : each<ObjectAddress>(below)) {
    add_dependents(found, object->classId, object->objectId);
  }
}

bool has_any(HeapTuple tuple, AttrNumber attribute, const Bitmapset *columns) {
  bool isnull;
  const Datum value = SysCacheGetAttr(CONSTROID, tuple, attribute, &isnull);
  if (isnull) return false;
  ArrayType *array = DatumGetArrayTypeP(value);
  const auto *attnums = reinterpret_cast<const int16 *>(ARR_DATA_PTR(array));
  for (int i = 0; i < ARR_DIMS(array)[0]; ++i)
    if (bms_is_member(attnums[i], columns)) return true;
  return false;
}

// Whether an array of attribute numbers has exactly these.
bool is_set_of(Datum value, const Bitmapset *columns) {
  ArrayType *array = DatumGetArrayTypeP(value);
  const auto *attnums = reinterpret_cast<const int16 *>(ARR_DATA_PTR(array));
  Bitmapset *found = nullptr;
  for (int i = 0; i < ARR_DIMS(array)[0]; ++i) found = bms_add_member(found, attnums[i]);
  return bms_equal(found, columns);
}

// Whether a foreign key from or to a table has one of its columns.
bool is_key_over(Oid constraint, Oid relation, const Bitmapset *columns) {
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
  const bool over = (form->conrelid == relation && has_any(tuple, Anum_pg_constraint_conkey, columns)) ||
                    (form->confrelid == relation && has_any(tuple, Anum_pg_constraint_confkey, columns));
  ReleaseSysCache(tuple);
  return over;
}

void store_clones(Oid relation, Oid trigger, const char *const *arguments, int narguments) {
  CHECK_FOR_INTERRUPTS();
  for (const Oid oid : each_oid(find_inheritance_children(relation, NoLock))) {
    for (const auto *clone : each<StoredTrigger>(stored_triggers(oid))) {
      if (clone->parent == trigger) store_arguments(clone, arguments, narguments);
    }
  }
}

}  // namespace

const StoredTrigger *stored_trigger(Oid trigger) {
  const StoredTrigger *found = nullptr;
  scan_triggers(trigger, false, [&](Relation catalog, HeapTuple tuple) { found = read_trigger(catalog, tuple); });
  return found;
}

const char *value_of(const char *argument, const char *name) {
  const size_t length = strlen(name);
  return strncmp(argument, name, length) == 0 && argument[length] == '=' ? argument + length + 1 : nullptr;
}

const char *expression_in(const StoredTrigger *trigger, const char *argument) {
  if (trigger->kind == TriggerKind::parent) return value_of(argument, "when");
  if (trigger->kind != TriggerKind::child) return nullptr;
  const char *count = value_of(argument, "count");
  return count != nullptr ? count : value_of(argument, "sum");
}

List *stored_triggers(Oid relation) {
  List *found = NIL;
  scan_triggers(relation, true, [&](Relation catalog, HeapTuple tuple) {
    if (const StoredTrigger *trigger = read_trigger(catalog, tuple))
      found = lappend(found, const_cast<StoredTrigger *>(trigger));
  });
  return found;
}

Oid find_table_of_trigger(Oid trigger) {
  Oid table = InvalidOid;
  scan_triggers(trigger, false, [&](Relation, HeapTuple tuple) {
    table = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple))->tgrelid;
  });
  return table;
}

// What an event trigger is told of a dropped trigger does not say. But its row is there as long as this transaction,
// which has deleted it, has not ended: nobody prunes it, and SnapshotAny sees it.
Oid find_reference_of_dropped(Oid trigger) {
  Oid reference = InvalidOid;
  Relation catalog = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
  SysScanDesc scan = systable_beginscan(catalog, TriggerOidIndexId, true, SnapshotAny, 1, &key);
  while (HeapTuple tuple = systable_getnext(scan)) {
    const HeapTupleHeader header = tuple->t_data;
    if ((header->t_infomask & HEAP_XMAX_INVALID) == 0 && !HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask) &&
        TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(header)))
      reference = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple))->tgconstrrelid;
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return reference;
}

bool concerns(Oid relation) {
  bool found = false;
  scan_triggers(relation, true, [&](Relation, HeapTuple tuple) {
    const auto form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    found = found || find_trigger_kind(form->tgfoid) != TriggerKind::none ||
            strstr(NameStr(form->tgname), "ratchet_") != nullptr;
  });
  return found;
}

// No lock on the table: that a name was followed changes nothing of what the trigger does, and whoever changes it at
// the same time changes the same row of the catalog, which fails in one of the two.
void store_arguments(const StoredTrigger *trigger, const char *const *arguments, int narguments) {
  StringInfoData packed;
  initStringInfo(&packed);
  for (int i = 0; i < narguments; ++i)
    appendBinaryStringInfo(&packed, arguments[i], static_cast<int>(strlen(arguments[i])) + 1);
  auto *value = static_cast<bytea *>(palloc(VARHDRSZ + packed.len));
  SET_VARSIZE(value, VARHDRSZ + packed.len);
  memcpy(VARDATA(value), packed.data, packed.len);

  Relation catalog = table_open(TriggerRelationId, RowExclusiveLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger->oid));
  SysScanDesc scan = systable_beginscan(catalog, TriggerOidIndexId, true, nullptr, 1, &key);
  if (HeapTuple tuple = systable_getnext(scan)) {
    Datum values[Natts_pg_trigger] = {};
    bool nulls[Natts_pg_trigger] = {};
    bool replaced[Natts_pg_trigger] = {};
    values[Anum_pg_trigger_tgargs - 1] = PointerGetDatum(value);
    replaced[Anum_pg_trigger_tgargs - 1] = true;
    values[Anum_pg_trigger_tgnargs - 1] = Int16GetDatum(static_cast<int16>(narguments));
    replaced[Anum_pg_trigger_tgnargs - 1] = true;
    HeapTuple changed = heap_modify_tuple(tuple, RelationGetDescr(catalog), values, nulls, replaced);
    CatalogTupleUpdate(catalog, &changed->t_self, changed);
    CacheInvalidateRelcacheByRelid(trigger->relation);
  }
  systable_endscan(scan);
  table_close(catalog, RowExclusiveLock);
  CommandCounterIncrement();
  store_clones(trigger->relation, trigger->oid, arguments, narguments);
}

Dependents find_dependents(const ObjectAddress &object) {
  Dependents found{NIL, NIL};
  add_dependents(&found, object.classId, object.objectId);
  return found;
}

List *find_functions(Oid trigger) {
  List *functions = NIL;
  scan_dependencies(TriggerRelationId, trigger, false, [&](Form_pg_depend form) {
    if (form->refclassid == ProcedureRelationId) functions = list_append_unique_oid(functions, form->refobjid);
  });
  return functions;
}

void forget_references(Oid trigger, Oid relation, const Bitmapset *columns) {
  List *keys = NIL;
  scan_dependencies(TriggerRelationId, trigger, false, [&](Form_pg_depend form) {
    if (form->refclassid == ConstraintRelationId && is_key_over(form->refobjid, relation, columns))
      keys = lappend_oid(keys, form->refobjid);
  });
  for (const Oid oid : each_oid(keys))
    deleteDependencyRecordsForSpecific(TriggerRelationId, trigger, DEPENDENCY_NORMAL, ConstraintRelationId, oid);
  if (keys != NIL) CommandCounterIncrement();
}

List *referencing_tables(Oid relation) {
  List *found = NIL;
  // Every foreign key has triggers on the table that it refers to.
  scan_triggers(relation, true, [&](Relation, HeapTuple tuple) {
    const auto form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    if (OidIsValid(form->tgconstrrelid)) found = list_append_unique_oid(found, form->tgconstrrelid);
  });
  return found;
}

bool refers(Oid child, const char *const *via, int nvia, Oid parent) {
  Bitmapset *columns = nullptr;
  for (int i = 0; i < nvia; ++i) {
    const AttrNumber attnum = get_attnum(child, via[i]);
    if (attnum > 0) columns = bms_add_member(columns, attnum);
  }
  bool found = false;
  Relation catalog = table_open(ConstraintRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(child));
  SysScanDesc scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true, nullptr, 1, &key);
  while (HeapTuple tuple = systable_getnext(scan)) {
    const auto form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    if (form->contype != CONSTRAINT_FOREIGN || form->confrelid != parent) continue;
    bool isnull;
    const Datum value = heap_getattr(tuple, Anum_pg_constraint_conkey, RelationGetDescr(catalog), &isnull);
    found = found || (!isnull && is_set_of(value, columns));
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

Oid find_owner_of_relation(Oid relation) {
  HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
  if (!HeapTupleIsValid(tuple)) return InvalidOid;
  const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
  ReleaseSysCache(tuple);
  return owner;
}

Oid require_owner(Oid relation) {
  const Oid owner = find_owner_of_relation(relation);
  if (!OidIsValid(owner)) elog(ERROR, "cache lookup failed for relation %u", relation);
  return owner;
}

bool is_locked(Oid relation) {
  LOCKTAG tag;
  SET_LOCKTAG_RELATION(tag, MyDatabaseId, relation);
  for (LOCKMODE mode = AccessShareLock; mode <= AccessExclusiveLock; ++mode)
    if (holds_lock(&tag, mode)) return true;
  return false;
}

}  // namespace ratchet
