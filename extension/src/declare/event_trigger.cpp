// declare/event_trigger.cpp: the event triggers, so that a contract which cannot be enforced
// fails in the migration that breaks it (H10), and is no veto on strangers.
//
// At the end of a DDL command the catalogs are as the command left them, and
// the command's own locks on its tables are still held, so what is checked
// here is what will be committed. Only contracts are looked at that depend on
// what the command has touched: on the table itself, or by a recorded
// dependency on the object. No user's code runs, and no table is locked that
// the command has not locked.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
}

#include <initializer_list>

#include "contract/companion.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "declare/audit_declare.h"
#include "declare/companion.h"
#include "declare/ddl_check.h"
#include "declare/follow.h"
#include "declare/guard_declare.h"
#include "declare/see_rows.h"
#include "declare/spill_declare.h"
#include "declare/tally_triggers.h"
#include "guard/attempts_table.h"
#include "pg/attempt.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "tally/spill_table.h"

namespace ratchet {

namespace {

struct Touched {
  List *relations;  // OIDs
  List *triggers;   // OIDs
  List *others;     // ObjectAddress *
};

Oid oid_at(HeapTuple row, TupleDesc tupdesc, int column) {
  bool isnull;
  const Datum value = SPI_getbinval(row, tupdesc, column, &isnull);
  return isnull ? InvalidOid : DatumGetObjectId(value);
}

// A new index says something of its table's columns; a command on one that is there has not locked the table.
Oid table_of(Oid relation, const Node *command) {
  const char relkind = get_rel_relkind(relation);
  if (relkind != RELKIND_INDEX && relkind != RELKIND_PARTITIONED_INDEX) return relation;
  return IsA(command, IndexStmt) || IsA(command, CreateSchemaStmt) ? IndexGetRelation(relation, true) : InvalidOid;
}

Touched touched_by(const Node *command) {
  Touched touched{NIL, NIL, NIL};
  // A rule reports itself; what matters is its table.
  see_rows(
      "SELECT COALESCE(w.ev_class OPERATOR(pg_catalog.<>) 0::pg_catalog.oid, false), c.classid,"
      " COALESCE(w.ev_class, c.objid)"
      " FROM pg_catalog.pg_event_trigger_ddl_commands() c"
      " LEFT JOIN pg_catalog.pg_rewrite w ON c.classid OPERATOR(pg_catalog.=) "
      "'pg_catalog.pg_rewrite'::pg_catalog.regclass"
      " AND w.oid OPERATOR(pg_catalog.=) c.objid",
      [&](HeapTuple row, TupleDesc tupdesc) {
        bool isnull;
        const bool rule = DatumGetBool(SPI_getbinval(row, tupdesc, 1, &isnull));
        const Oid classid = oid_at(row, tupdesc, 2);
        const Oid objid = oid_at(row, tupdesc, 3);
        if (!OidIsValid(objid)) return;
        if (rule || classid == RelationRelationId) {
          const Oid table = table_of(objid, command);
          if (OidIsValid(table)) touched.relations = list_append_unique_oid(touched.relations, table);
        } else if (classid == TriggerRelationId) {
          touched.triggers = list_append_unique_oid(touched.triggers, objid);
        } else {
          auto *object = palloc_object<ObjectAddress>();
          *object = {classid, objid, 0};
          touched.others = lappend(touched.others, object);
        }
      });
  return touched;
}

// A role with only the TRIGGER privilege must not declare contracts, nor give a table one for its spilled counts, or
// for attempts at its rows.
void check_attachment(const StoredTrigger *trigger) {
  if (!owns_relation(trigger->relation, GetUserId())) error_not_owner(trigger->relation, "attach a ratchet trigger");
  if (trigger->kind != TriggerKind::spilled && trigger->kind != TriggerKind::attempts) return;
  Relation relation = table_open(trigger->relation, AccessShareLock);
  const Oid parent =
      trigger->kind == TriggerKind::spilled ? find_parent_of_spilled(relation) : find_parent_of_attempts(relation);
  if (trigger->kind == TriggerKind::attempts) announce_attempts_table(relation);
  table_close(relation, NoLock);
  if (OidIsValid(parent) && !owns_relation(parent, GetUserId())) error_not_owner(parent, "attach a ratchet trigger");
}

bool has_subcommand(const Node *command, std::initializer_list<AlterTableType> subtypes) {
  if (!IsA(command, AlterTableStmt)) return false;
  ListCell *cell;
  foreach (cell, reinterpret_cast<const AlterTableStmt *>(command)->cmds)
    for (const AlterTableType subtype : subtypes)
      if (lfirst_node(AlterTableCmd, cell)->subtype == subtype) return true;
  return false;
}

// Whether columns may have come to have other types, or a contract's trigger be new.
bool changes_columns(const Node *command) {
  return IsA(command, CreateTrigStmt) || IsA(command, CreateSchemaStmt) ||
         has_subcommand(command, {AT_AlterColumnType, AT_AttachPartition});
}

// What else a command says of its object than by renaming it: CREATE FUNCTION need not replace one.
bool creates_only(const Node *command) {
  return IsA(command, CreateFunctionStmt) && !reinterpret_cast<const CreateFunctionStmt *>(command)->replace;
}

// The partition that has come or gone by the command; InvalidOid: none.
Oid moved_partition(const Node *command) {
  if (IsA(command, CreateStmt)) {
    const auto *create = reinterpret_cast<const CreateStmt *>(command);
    return create->partbound == nullptr ? InvalidOid : RangeVarGetRelid(create->relation, NoLock, true);
  }
  if (!IsA(command, AlterTableStmt)) return InvalidOid;
  ListCell *cell;
  foreach (cell, reinterpret_cast<const AlterTableStmt *>(command)->cmds) {
    const auto *one = lfirst_node(AlterTableCmd, cell);
    if (one->subtype == AT_AttachPartition || one->subtype == AT_DetachPartition ||
        one->subtype == AT_DetachPartitionFinalize)
      return RangeVarGetRelid(castNode(PartitionCmd, one->def)->name, NoLock, true);
  }
  return InvalidOid;
}

// TRUNCATE triggers of a partition that has come or gone, which are not cloned. A restore brings those triggers itself,
// after the partitions.
void follow_moved_partition(Oid moved) {
  for (const Oid oid : each_oid(find_all_inheritors(moved, NoLock, nullptr)))
    if (concerns(oid)) {
      follow_partition(oid);
      follow_guarded_partition(oid);
    }
}

// The same of a shard. What Citus creates with a shard it creates without OR REPLACE, and brings those triggers too.
void follow_shard(Oid relid) {
  if (!concerns(relid)) return;
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  const bool is_shard = *find_shard_suffix(relation) != '\0';
  relation_close(relation, AccessShareLock);
  if (!is_shard) return;
  follow_partition(relid);
  follow_guarded_partition(relid);
}

// Of rows: those of statements are what follows.
bool replaces_row_trigger(const Node *command) {
  if (!IsA(command, CreateTrigStmt)) return false;
  const auto *create = reinterpret_cast<const CreateTrigStmt *>(command);
  return create->replace && create->row;
}

// What the command has made possible or necessary: dependencies on a foreign key that is there now, also of the
// children of the table, whose keys are made anew with a column that it changes.
void follow_references(Oid relid) {
  for (const Oid relation : each_oid(list_append_unique_oid(referencing_tables(relid), relid))) {
    if (is_locked(relation) && concerns(relation)) attempt([&] { write_dependencies(relation); });
  }
}

// Tables whose foreign keys were made anew with a column that they refer to.
void check_children(const List *parents) {
  for (const Oid oid : each_oid(parents)) {
    for (const Oid child_oid : each_oid(referencing_tables(oid))) check_table(child_oid, true);
  }
}

void check_others(const EventTriggerData *event, const Touched &touched) {
  if (creates_only(event->parsetree)) return;
  ListCell *cell;
  foreach (cell, touched.others) check_dependents(*static_cast<const ObjectAddress *>(lfirst(cell)));
  // A row type's attributes, for which the type's own relation is reported.
  for (const Oid oid : each_oid(touched.relations))
    if (get_rel_relkind(oid) == RELKIND_COMPOSITE_TYPE) check_dependents({TypeRelationId, get_rel_type_id(oid), 0});
  if (!IsA(event->parsetree, GrantStmt)) return;
  List *objects = NIL;
  attempt([&] { objects = named_objects(event->parsetree); });
  foreach (cell, objects) check_dependents(*static_cast<const ObjectAddress *>(lfirst(cell)));
}

// PostgreSQL refuses another type for a column that a condition counts by, where the dependency is recorded; not after
// pg_upgrade.
void check_retyped(const Node *command) {
  const auto *alter = reinterpret_cast<const AlterTableStmt *>(command);
  const Oid relation = RangeVarGetRelid(alter->relation, NoLock, true);
  ListCell *cell;
  if (!OidIsValid(relation)) return;
  const List *tables = find_all_inheritors(relation, NoLock, nullptr);
  foreach (cell, alter->cmds) {
    const auto *one = lfirst_node(AlterTableCmd, cell);
    if (one->subtype != AT_AlterColumnType) continue;
    for (const Oid table_oid : each_oid(tables)) check_retyped_column(table_oid, one->name);
  }
}

// Its functions find one another, and their triggers, by the name of their schema.
void refuse_new_name_of_own_schema(const Node *command) {
  if (!IsA(command, RenameStmt)) return;
  const auto *rename = reinterpret_cast<const RenameStmt *>(command);
  if (rename->renameType != OBJECT_SCHEMA || strcmp(rename->subname, "ratchet") != 0) return;
  ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("schema \"ratchet\" cannot be renamed"),
          errdetail("It belongs to extension \"ratchet\", whose contracts would all fail."));
}

void watch_command_end(const EventTriggerData *event) {
  refuse_new_name_of_own_schema(event->parsetree);
  follow_names(event);
  if (IsA(event->parsetree, RenameStmt)) {
    const auto *rename = reinterpret_cast<const RenameStmt *>(event->parsetree);
    if (rename->renameType == OBJECT_COLUMN && rename->relation != nullptr) follow_column_rename(rename);
  }
  Touched touched = touched_by(event->parsetree);
  ListCell *cell;
  for (const Oid oid : each_oid(touched.triggers)) {
    Oid relation;
    if (const StoredTrigger *trigger = stored_trigger(oid)) {
      check_attachment(trigger);
      relation = trigger->relation;
    } else {
      relation = find_table_of_trigger(oid);
    }
    if (OidIsValid(relation)) touched.relations = list_append_unique_oid(touched.relations, relation);
  }
  if (has_subcommand(event->parsetree, {AT_ChangeOwner}))
    for (const Oid oid : each_oid(touched.relations)) {
      give_to_owner_of(oid, find_companion(oid, TriggerKind::attempts));
      follow_owner_of_spilled(oid);
    }
  const bool thorough = changes_columns(event->parsetree);
  for (const Oid member : each_oid(touched.relations)) check_table(member, thorough);
  if (thorough) check_children(touched.relations);
  if (has_subcommand(event->parsetree, {AT_AlterColumnType})) {
    check_retyped(event->parsetree);
    foreach (cell, touched.relations) notice_times(lfirst_oid(cell));
  }
  check_others(event, touched);
  if (const Oid moved = moved_partition(event->parsetree); OidIsValid(moved)) follow_moved_partition(moved);
  if (IsA(event->parsetree, CreateSchemaStmt))
    for (const Oid oid : each_oid(touched.relations))
      if (get_rel_relispartition(oid)) follow_moved_partition(oid);
  if (replaces_row_trigger(event->parsetree))
    for (const Oid oid : each_oid(touched.relations)) follow_shard(oid);
  foreach (cell, touched.relations) follow_references(lfirst_oid(cell));
}

struct DroppedColumn {
  Oid relation;
  const char *name;
};

// What is left of a contract on a shard whose other triggers were dropped: Citus drops none of these on shards.
void follow_dropped_triggers() {
  List *tables = NIL;
  see_rows(
      "SELECT c.oid FROM pg_catalog.pg_event_trigger_dropped_objects() d"
      " JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) d.address_names[1]"
      " JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid"
      " AND c.relname OPERATOR(pg_catalog.=) d.address_names[2]"
      " WHERE d.object_type OPERATOR(pg_catalog.=) 'trigger'"
      " AND pg_catalog.strpos(d.address_names[3], 'ratchet_') OPERATOR(pg_catalog.>) 0"
      " AND pg_catalog.strpos(d.address_names[3], '_truncat') OPERATOR(pg_catalog.=) 0",
      [&](HeapTuple row, TupleDesc tupdesc) { tables = list_append_unique_oid(tables, oid_at(row, tupdesc, 1)); });
  for (const Oid oid : each_oid(tables)) follow_shard(oid);
}

// A trigger that ties a table of attempts goes with that or with the guarded one. Whoever drops it by its name knows
// what he does.
void judge_dropped_attempts() {
  List *untied = NIL;
  List *left = NIL;
  see_rows(psprintf("SELECT d.objid, c.oid FROM pg_catalog.pg_event_trigger_dropped_objects() d"
                    " LEFT JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) d.address_names[1]"
                    " LEFT JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid"
                    " AND c.relname OPERATOR(pg_catalog.=) d.address_names[2]"
                    " WHERE d.object_type OPERATOR(pg_catalog.=) 'trigger' AND NOT d.original"
                    " AND d.address_names[3] OPERATOR(pg_catalog.=) %s",
                    quote_literal_cstr(attempts_trigger_name)),
           [&](HeapTuple row, TupleDesc tupdesc) {
             const Oid table = oid_at(row, tupdesc, 2);
             if (OidIsValid(table))
               left = lappend_oid(left, table);
             else
               untied = lappend_oid(untied, find_reference_of_dropped(oid_at(row, tupdesc, 1)));
           });
  for (const Oid oid : each_oid(untied)) check_dropped_attempts(oid);
  for (const Oid oid : each_oid(left)) notice_left_attempts(oid);
}

void watch_drop() {
  List *columns = NIL;
  List *keyless = NIL;
  // Ordinarily a tally's trigger depends on its foreign key; not after pg_upgrade, which runs no event triggers.
  see_rows(
      "SELECT d.objid, d.objsubid OPERATOR(pg_catalog.>) 0, d.address_names[3], c.oid"
      " FROM pg_catalog.pg_event_trigger_dropped_objects() d"
      " LEFT JOIN pg_catalog.pg_namespace n ON d.object_type OPERATOR(pg_catalog.=) 'table constraint'"
      " AND n.nspname OPERATOR(pg_catalog.=) d.address_names[1]"
      " LEFT JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid"
      " AND c.relname OPERATOR(pg_catalog.=) d.address_names[2]"
      " WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
      " AND d.objsubid OPERATOR(pg_catalog.>) 0 OR c.oid IS NOT NULL",
      [&](HeapTuple row, TupleDesc tupdesc) {
        bool isnull;
        if (!DatumGetBool(SPI_getbinval(row, tupdesc, 2, &isnull))) {
          keyless = list_append_unique_oid(keyless, oid_at(row, tupdesc, 4));
          return;
        }
        auto *column = palloc_object<DroppedColumn>();
        *column = {oid_at(row, tupdesc, 1), SPI_getvalue(row, tupdesc, 3)};
        columns = lappend(columns, column);
      });
  for (const auto *column : each<DroppedColumn>(columns)) {
    check_dropped_column(column->relation, column->name);
  }
  for (const Oid member : each_oid(keyless)) check_references(member);
  follow_dropped_triggers();
  judge_dropped_attempts();
}

void watch(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("function \"%s\" was not called by event trigger manager", "ratchet.watch_ddl"));
  // pg_upgrade brings everything as it was, in an order of its own, in which not all is there yet.
  if (IsBinaryUpgrade) return;
  const auto *event = reinterpret_cast<const EventTriggerData *>(fcinfo->context);
  if (strcmp(event->event, "ddl_command_start") == 0)
    remember_names(event);
  else if (strcmp(event->event, "ddl_command_end") == 0)
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

RATCHET_FUNCTION(ratchet_watch_ddl_0_2) {
  ratchet::watch(fcinfo);
  PG_RETURN_NULL();
}
