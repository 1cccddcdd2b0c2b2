// ddl.cpp: the event trigger, so that a contract which cannot be enforced
// fails in the migration that breaks it (H10).
//
// At the end of a DDL command the catalogs are as the command left them, and
// the command's own locks on its tables are still held, so what is checked
// here is what will be committed. A column rename is followed: the command's
// parse tree tells the old and the new name.
#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"
}

#include "contract.h"
#include "declare.h"
#include "errors.h"
#include "expression.h"
#include "pg/fence.h"
#include "sqltext.h"
#include "structure.h"
#include "tally_triggers.h"

namespace ratchet {

namespace {

struct Touched {
  List *relations;  // OIDs
  List *triggers;   // OIDs
};

// Runs a query whose rows are (classid oid, objid oid) and sorts the objects.
Touched touched_objects(const char *sql) {
  Touched touched{NIL, NIL};
  MemoryContext caller = CurrentMemoryContext;
  SPI_connect();
  // Not read-only: a new snapshot, in which what the command has done is visible.
  if (SPI_execute(sql, false, 0) != SPI_OK_SELECT) elog(ERROR, "reading the objects of a command failed");
  for (uint64 i = 0; i < SPI_processed; ++i) {
    bool isnull;
    const HeapTuple row = SPI_tuptable->vals[i];
    const Oid classid = DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, 1, &isnull));
    const Oid objid = DatumGetObjectId(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull));
    MemoryContext spi = MemoryContextSwitchTo(caller);
    if (classid == RelationRelationId)
      touched.relations = list_append_unique_oid(touched.relations, objid);
    else if (classid == TriggerRelationId)
      touched.triggers = list_append_unique_oid(touched.triggers, objid);
    MemoryContextSwitchTo(spi);
  }
  SPI_finish();
  return touched;
}

struct Attachment {
  Oid relation;
  Oid function;
};

Attachment attachment_of(Oid trigger) {
  Attachment found{InvalidOid, InvalidOid};
  Relation catalog = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
  SysScanDesc scan = systable_beginscan(catalog, TriggerOidIndexId, true, nullptr, 1, &key);
  if (HeapTuple tuple = systable_getnext(scan)) {
    const auto form = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple));
    found = {form->tgrelid, form->tgfoid};
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

// A role with only the TRIGGER privilege must not declare contracts.
void check_attachment(const Attachment &attachment) {
  if (role_of(attachment.function) == Role::count) return;
  if (owns_relation(attachment.relation, GetUserId())) return;
  error_not_owner(attachment.relation, "attach a ratchet trigger");
}

void check_heirs(Relation relation) {
  if (has_inheritance_children(relation))
    error_unenforceable(relation, "it has inheritance children, whose rows are not counted",
                        "Use declarative partitioning.");
}

// A child against its parent, as far as both are there.
void check_source(Relation child, const Trigger *trigger, const SourceTerms *source) {
  if (child->rd_rel->relispartition && !trigger->tgisclone)
    error_unenforceable(
        child, psprintf("trigger \"%s\" of a partition does not come from its partitioned table", trigger->tgname),
        "Declare tallies on the topmost partitioned table.");
  check_heirs(child);
  if (!has_one_parent(child, source))
    error_unenforceable(child, "another foreign key over the columns of a tally refers to something else",
                        "Rows are counted for the parent that their foreign key refers to; it must be the only one.");
  const Oid parent_oid = parent_of(child, source);
  if (!OidIsValid(parent_oid) || child->rd_rel->relispartition) return;
  Relation parent = table_open(parent_oid, AccessShareLock);
  const Trigger *counters = find_trigger(parent, Role::counters);
  check_persistence(child, parent, sqlstate_unenforceable);
  if (counters != nullptr && is_kept(kept_of_trigger(parent, counters), source))
    check_counted(child, parent, source, sqlstate_unenforceable);
  table_close(parent, NoLock);
}

void check_child(Oid relid, Relation parent) {
  if (relid == RelationGetRelid(parent)) return;
  Relation child = try_relation_open(relid, AccessShareLock);
  if (child == nullptr) return;
  ListCell *cell;
  foreach (cell, tallies_between(child, parent))
    check_counted(child, parent, static_cast<const SourceTerms *>(lfirst(cell)), sqlstate_unenforceable);
  relation_close(child, AccessShareLock);
}

// Conditions and columns of tallies. The foreign key is not looked for: a
// restore creates triggers before it.
void check_tallies(Relation relation) {
  for (int n = 0;; ++n) {
    const Trigger *trigger = find_trigger(relation, Role::source, n);
    if (trigger == nullptr) break;
    const SourceTerms *source = source_of_trigger(relation, trigger);
    for (int i = 0; i < source->nvia; ++i)
      if (get_attnum(RelationGetRelid(relation), source->via[i]) <= 0)
        error_no_column(sqlstate_unenforceable, relation, source->via[i]);
    for (int i = 0; i < source->ncounters; ++i)
      parse_expression(relation, source->counters[i].expression, source->counters[i].sum, sqlstate_unenforceable);
    check_source(relation, trigger, source);
  }
  const Trigger *counters = find_trigger(relation, Role::counters);
  if (counters == nullptr) return;
  const KeptTerms *kept = kept_of_trigger(relation, counters);
  check_kept(relation, kept, sqlstate_unenforceable);
  check_counters_structure(relation);
  // What the children sum must still fit.
  if (!counters->tgisclone) {
    ListCell *cell;
    foreach (cell, tables_with(Role::source)) check_child(lfirst_oid(cell), relation);
  }
  for (int i = 0; i < kept->ncompletions; ++i)
    if (kept->completions[i].on_done != nullptr && !OidIsValid(find_function(kept->completions[i].on_done)))
      error_unenforceable(relation, psprintf("on_done function %s does not exist", kept->completions[i].on_done),
                          "Declare the tally with another function first.");
}

void check_member(Relation relation) {
  check_shapes(relation);
  check_tallies(relation);
  const Trigger *guard = find_guard_trigger(relation);
  if (guard == nullptr) return;
  if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
    error_unenforceable(relation, "it is a temporary table", "Contracts are for tables that stay.");
  if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
    error_unenforceable(relation, "a partition of a guarded table cannot be a foreign table",
                        "Use a local table, or remove the contract with ratchet.unguard().");
  const Terms *terms = terms_of_trigger(CurrentMemoryContext, relation, guard);
  check_columns(relation, terms, sqlstate_unenforceable);
  check_structure(relation);
}

// Rows of a plain inheritance child are updated through its parent without the parent's triggers.
void check_parents(Relation relation) {
  if (relation->rd_rel->relispartition) return;
  Relation catalog = table_open(InheritsRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ,
              ObjectIdGetDatum(RelationGetRelid(relation)));
  SysScanDesc scan = systable_beginscan(catalog, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
  while (HeapTuple tuple = systable_getnext(scan)) {
    Relation parent = table_open(reinterpret_cast<Form_pg_inherits>(GETSTRUCT(tuple))->inhparent, AccessShareLock);
    if (find_guard_trigger(parent) != nullptr) check_structure(parent);
    if (find_trigger(parent, Role::source) != nullptr || find_trigger(parent, Role::counters) != nullptr)
      check_heirs(parent);
    table_close(parent, AccessShareLock);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
}

void check_relation(Oid relid) {
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  const char relkind = relation->rd_rel->relkind;
  if (relkind == RELKIND_VIEW) check_shapes(relation);
  if (relkind == RELKIND_RELATION || relkind == RELKIND_FOREIGN_TABLE || relkind == RELKIND_PARTITIONED_TABLE) {
    check_member(relation);
    check_parents(relation);
    if (relkind == RELKIND_PARTITIONED_TABLE) {
      // ATTACH PARTITION names the parent; what it attached may bring a contract of its own.
      ListCell *cell;
      foreach (cell, find_all_inheritors(relid, AccessShareLock, nullptr)) {
        Relation member = table_open(lfirst_oid(cell), NoLock);
        check_member(member);
        table_close(member, NoLock);
      }
    }
  }
  relation_close(relation, AccessShareLock);
}

void check_relations(const List *relations) {
  ListCell *cell;
  foreach (cell, relations) check_relation(lfirst_oid(cell));
}

// Set while a rename is followed. Each contract is rewritten by a command of its own, and after the first of them the
// others still have the old name: they are judged when all are done.
bool following = false;

// The contracts of one table that name a renamed column.
void follow_rename_in(Oid relid, const RenameStmt *rename) {
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  const Trigger *guard = find_guard_trigger(relation);
  const Terms *after = nullptr;
  if (guard != nullptr && !guard->tgisclone)
    after = renamed(CurrentMemoryContext, terms_of_trigger(CurrentMemoryContext, relation, guard), rename->subname,
                    rename->newname);
  relation_close(relation, AccessShareLock);
  if (after != nullptr) write_contract(relid, after, Switches::keep);
  follow_column(relid, rename->subname, rename->newname);
}

// Rewrites the contracts that name a renamed column: of the table itself, and
// of inheritance children, to which the rename has recursed.
void follow_rename(const RenameStmt *rename) {
  const Oid relid = RangeVarGetRelid(rename->relation, NoLock, true);
  if (!OidIsValid(relid)) return;
  const List *members = find_all_inheritors(relid, NoLock, nullptr);
  following = true;
  PG_TRY();
  {
    ListCell *cell;
    foreach (cell, members) follow_rename_in(lfirst_oid(cell), rename);
  }
  PG_FINALLY();
  { following = false; }
  PG_END_TRY();
  check_relations(members);
}

// The guarded tables that a changed type reaches: typed tables, columns, and
// columns of domains over it. The function is named by its OID, because the
// caller may have no right to look into the schema.
List *tables_of_changed_types() {
  return touched_objects(
             psprintf("WITH RECURSIVE changed (oid) AS ("
                      " SELECT y.oid FROM pg_catalog.pg_event_trigger_ddl_commands() c JOIN pg_catalog.pg_type y"
                      " ON c.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass"
                      " AND y.oid OPERATOR(pg_catalog.=) c.objid"
                      " OR c.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
                      " AND y.typrelid OPERATOR(pg_catalog.=) c.objid"
                      " UNION SELECT d.oid FROM pg_catalog.pg_type d"
                      " JOIN changed b ON d.typbasetype OPERATOR(pg_catalog.=) b.oid)"
                      " SELECT r.tableoid, r.oid FROM pg_catalog.pg_class r"
                      " JOIN pg_catalog.pg_trigger t ON t.tgrelid OPERATOR(pg_catalog.=) r.oid"
                      " WHERE t.tgfoid OPERATOR(pg_catalog.=) ANY (ARRAY[%u, %u, %u]::pg_catalog.oid[]) AND EXISTS ("
                      " SELECT FROM changed y WHERE y.oid OPERATOR(pg_catalog.=) r.reloftype OR EXISTS ("
                      " SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) r.oid"
                      " AND a.atttypid OPERATOR(pg_catalog.=) y.oid AND NOT a.attisdropped))",
                      function_of(Role::guard), function_of(Role::source), function_of(Role::counters)))
      .relations;
}

bool renames_names(std::string_view tag) {
  for (const std::string_view one : {"ALTER FUNCTION", "ALTER ROUTINE", "ALTER SCHEMA", "ALTER OPERATOR", "ALTER TYPE"})
    if (tag == one) return true;
  return false;
}

// Contracts name functions, and what is named in conditions, by their names.
void check_names() {
  for (const Role role : {Role::source, Role::counters}) check_relations(tables_with(role));
}

// Whether partitions have come or gone by the command.
bool moves_partitions(const Node *command) {
  if (IsA(command, CreateStmt)) return true;
  if (!IsA(command, AlterTableStmt)) return false;
  ListCell *cell;
  foreach (cell, reinterpret_cast<const AlterTableStmt *>(command)->cmds) {
    const AlterTableType subtype = lfirst_node(AlterTableCmd, cell)->subtype;
    if (subtype == AT_AttachPartition || subtype == AT_DetachPartition || subtype == AT_DetachPartitionFinalize)
      return true;
  }
  return false;
}

// The table that was detached, which the command does not report.
Oid detached_by(const Node *command) {
  if (!IsA(command, AlterTableStmt)) return InvalidOid;
  ListCell *cell;
  foreach (cell, reinterpret_cast<const AlterTableStmt *>(command)->cmds) {
    const auto *one = lfirst_node(AlterTableCmd, cell);
    if (one->subtype == AT_DetachPartition || one->subtype == AT_DetachPartitionFinalize)
      return RangeVarGetRelid(castNode(PartitionCmd, one->def)->name, NoLock, true);
  }
  return InvalidOid;
}

// What the command has made possible or necessary: dependencies on a foreign
// key that is there now, and TRUNCATE triggers of partitions that have come or
// gone. A restore brings those triggers itself, after the partitions.
void follow_tallies(Oid relid, bool partitions) {
  const char relkind = get_rel_relkind(relid);
  if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE) return;
  write_dependencies(relid);
  if (!partitions) return;
  follow_partition(relid);
  if (relkind != RELKIND_PARTITIONED_TABLE) return;
  ListCell *cell;
  foreach (cell, find_all_inheritors(relid, AccessShareLock, nullptr))
    if (lfirst_oid(cell) != relid) follow_partition(lfirst_oid(cell));
}

void check_references(Oid relid) {
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  for (int n = 0;; ++n) {
    const Trigger *trigger = find_trigger(relation, Role::source, n);
    if (trigger == nullptr) break;
    if (!OidIsValid(parent_of(relation, source_of_trigger(relation, trigger))))
      error_unenforceable(relation, "the foreign key of a tally is dropped",
                          "Remove the tally first, with ratchet.untally().");
  }
  relation_close(relation, AccessShareLock);
}

void watch_command_end(const EventTriggerData *event) {
  if (IsA(event->parsetree, RenameStmt)) {
    const auto *rename = reinterpret_cast<const RenameStmt *>(event->parsetree);
    if (rename->renameType == OBJECT_COLUMN && rename->relation != nullptr) follow_rename(rename);
  }
  // A rule and an index report themselves; what matters is their table.
  Touched touched = touched_objects(
      "SELECT COALESCE(r.tableoid, c.classid), COALESCE(r.oid, c.objid)"
      " FROM pg_catalog.pg_event_trigger_ddl_commands() c"
      " LEFT JOIN pg_catalog.pg_index i ON c.classid OPERATOR(pg_catalog.=) "
      "'pg_catalog.pg_class'::pg_catalog.regclass"
      " AND i.indexrelid OPERATOR(pg_catalog.=) c.objid"
      " LEFT JOIN pg_catalog.pg_rewrite w ON c.classid OPERATOR(pg_catalog.=) "
      "'pg_catalog.pg_rewrite'::pg_catalog.regclass"
      " AND w.oid OPERATOR(pg_catalog.=) c.objid"
      " LEFT JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) COALESCE(w.ev_class, i.indrelid)");
  if (IsA(event->parsetree, AlterDomainStmt) || GetCommandTagName(event->tag) == std::string_view("ALTER TYPE"))
    touched.relations = list_concat_unique_oid(touched.relations, tables_of_changed_types());
  if (renames_names(GetCommandTagName(event->tag))) check_names();
  ListCell *cell;
  foreach (cell, touched.triggers) {
    const Attachment attachment = attachment_of(lfirst_oid(cell));
    check_attachment(attachment);
    if (OidIsValid(attachment.relation))
      touched.relations = list_append_unique_oid(touched.relations, attachment.relation);
  }
  check_relations(touched.relations);
  if (const Oid detached = detached_by(event->parsetree); OidIsValid(detached)) follow_partition(detached);
  const bool partitions = moves_partitions(event->parsetree);
  foreach (cell, touched.relations) follow_tallies(lfirst_oid(cell), partitions);
}

void watch_drop() {
  const Touched touched = touched_objects(
      "SELECT DISTINCT d.classid, d.objid FROM pg_catalog.pg_event_trigger_dropped_objects() d"
      " WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
      " AND d.objsubid OPERATOR(pg_catalog.>) 0");
  check_relations(touched.relations);
  // Ordinarily the trigger depends on its foreign key; not after pg_upgrade, which runs no event triggers.
  const Touched keyless = touched_objects(
      "SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, c.oid"
      " FROM pg_catalog.pg_event_trigger_dropped_objects() d"
      " JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) d.address_names[1]"
      " JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid"
      " AND c.relname OPERATOR(pg_catalog.=) d.address_names[2]"
      " WHERE d.object_type OPERATOR(pg_catalog.=) 'table constraint'");
  ListCell *cell;
  foreach (cell, keyless.relations) check_references(lfirst_oid(cell));
}

void watch(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("function \"%s\" was not called by event trigger manager", "ratchet.watch_ddl"));
  if (following) return;
  const auto *event = reinterpret_cast<const EventTriggerData *>(fcinfo->context);
  if (strcmp(event->event, "ddl_command_end") == 0)
    watch_command_end(event);
  else if (strcmp(event->event, "sql_drop") == 0)
    watch_drop();
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_watch_ddl) {
  ratchet::watch(fcinfo);
  PG_RETURN_NULL();
}
