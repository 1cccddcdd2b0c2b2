#include "declare/spill_declare.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "commands/tablecmds.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
}

#include "contract/ddl_support.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "declare/companion.h"
#include "declare/see_rows.h"
#include "pg/dependency.h"
#include "pg/list.h"
#include "pg/quote.h"
#include "pg/user_context.h"
#include "tally/flush.h"
#include "tally/fold.h"
#include "tally/fold_worker.h"
#include "tally/spill.h"
#include "tally/write_row.h"

namespace ratchet {

namespace {

// -- what a table or view of a parent is called, and what it says --

const char *type_of_counter(Oid parent, const char *counter) {
  return spilled_type(get_atttype(parent, get_attnum(parent, counter))) == NUMERICOID ? "pg_catalog.numeric"
                                                                                      : "pg_catalog.int8";
}

// "id" pg_catalog.int8 [COLLATE ...] NOT NULL
void write_key_column(StringInfo sql, Oid parent, const char *column) {
  Oid type, collation;
  int32 typmod;
  get_atttypetypmodcoll(parent, get_attnum(parent, column), &type, &typmod, &collation);
  appendStringInfo(sql, "%s %s", quote_identifier(column),
                   format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
  if (OidIsValid(collation)) appendStringInfo(sql, " COLLATE %s", generate_collation_name(collation));
  appendStringInfoString(sql, " NOT NULL, ");
}

const char *joined_key(const ParentTerms *kept, const char *prefix) {
  StringInfoData out;
  initStringInfo(&out);
  for (int i = 0; i < kept->nkey; ++i)
    appendStringInfo(&out, "%s%s%s", i > 0 ? ", " : "", prefix, quote_identifier(kept->key[i]));
  return out.data;
}

// t."id" OPERATOR(pg_catalog.=) s."id" AND ...
const char *same_row(Oid parent, const ParentTerms *kept) {
  StringInfoData out;
  initStringInfo(&out);
  for (int i = 0; i < kept->nkey; ++i) {
    const char *column = quote_identifier(kept->key[i]);
    appendStringInfo(&out, "%st.%s %s s.%s", i > 0 ? " AND " : "", column,
                     qualified_operator(equality_operator(get_atttype(parent, get_attnum(parent, kept->key[i])))),
                     column);
  }
  return out.data;
}

//   CREATE VIEW schema.runs_exact WITH (security_invoker) AS
//   SELECT t."id", t."evaluated_count" + COALESCE(s."evaluated_count", 0) AS "evaluated_count", ... FROM schema.runs t
//   LEFT JOIN (SELECT s."id", sum(s."evaluated_count")::int8 AS "evaluated_count", ... FROM schema.runs_spilled s
//              GROUP BY s."id") s ON t."id" = s."id"
const char *view_sql(const char *name, Oid parent, const char *table, const ParentTerms *kept) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "CREATE VIEW %s WITH (security_invoker = true) AS SELECT %s", name, joined_key(kept, "t."));
  for (int i = 0; i < kept->ncounters; ++i) {
    const char *column = quote_identifier(kept->counters[i]);
    appendStringInfo(&sql, ", COALESCE(t.%s, 0) OPERATOR(pg_catalog.+) COALESCE(s.%s, 0) AS %s", column, column,
                     column);
  }
  appendStringInfo(&sql, " FROM %s t LEFT JOIN (SELECT %s", qualified_relation(parent), joined_key(kept, "s."));
  for (int i = 0; i < kept->ncounters; ++i) {
    const char *column = quote_identifier(kept->counters[i]);
    appendStringInfo(&sql, ", pg_catalog.sum(s.%s)::%s AS %s", column, type_of_counter(parent, kept->counters[i]),
                     column);
  }
  appendStringInfo(&sql, " FROM %s s GROUP BY %s) s ON %s", table, joined_key(kept, "s."), same_row(parent, kept));
  return sql.data;
}

// -- catalogs --

// The view over a table of spilled counts, as tally() has made it: of those that read the table the one that goes with
// the parent, or, where it is new, or a dump has brought it, one that is called so.
Oid find_exact_view(Oid parent, Oid table) {
  Oid view = InvalidOid;
  see_rows(
      psprintf(
          "SELECT c.oid FROM pg_catalog.pg_class c CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM "
          "pg_catalog.pg_depend d WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass "
          "AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.refclassid OPERATOR(pg_catalog.=) d.classid AND "
          "d.refobjid OPERATOR(pg_catalog.=) %u::pg_catalog.oid AND d.deptype OPERATOR(pg_catalog.=) 'a') AS goes) "
          "p WHERE c.relkind OPERATOR(pg_catalog.=) 'v' AND c.relowner OPERATOR(pg_catalog.=) %u::pg_catalog.oid AND "
          "c.oid OPERATOR(pg_catalog.=) ANY (SELECT w.ev_class "
          "FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite w ON w.oid OPERATOR(pg_catalog.=) d.objid WHERE "
          "d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid "
          "OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid "
          "OPERATOR(pg_catalog.=) %u::pg_catalog.oid) AND (p.goes OR c.relname OPERATOR(pg_catalog.~~) "
          "'%%\\_exact%%') ORDER BY p.goes DESC LIMIT 1",
          parent, require_owner(table), table),
      [&](HeapTuple row, TupleDesc tupdesc) {
        bool isnull;
        view = DatumGetObjectId(SPI_getbinval(row, tupdesc, 1, &isnull));
      });
  return view;
}

// GRANT SELECT ON table TO whoever may read all of the parent.
List *grants(List *commands, Oid parent, const char *name) {
  see_rows(psprintf("SELECT CASE a.grantee WHEN 0::pg_catalog.oid THEN 'PUBLIC' ELSE "
                    "pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END FROM pg_catalog.pg_class c "
                    "CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a WHERE c.oid OPERATOR(pg_catalog.=) "
                    "%u::pg_catalog.oid AND a.privilege_type OPERATOR(pg_catalog.=) 'SELECT' AND a.grantee "
                    "OPERATOR(pg_catalog.<>) c.relowner ORDER BY 1",
                    parent),
           [&](HeapTuple row, TupleDesc tupdesc) {
             commands = lappend(commands, psprintf("GRANT SELECT ON %s TO %s", name, SPI_getvalue(row, tupdesc, 1)));
           });
  return commands;
}

bool goes_with(Oid relation, Oid parent, DependencyType type) {
  return depends_on_any(RelationRelationId, relation, [&](Form_pg_depend form) {
    return form->refclassid == RelationRelationId && form->refobjid == parent && form->refobjsubid == 0 &&
           form->deptype == type;
  });
}

void go_with(Oid relation, Oid parent, DependencyType type) {
  const ObjectAddress dependent{RelationRelationId, relation, 0};
  const ObjectAddress referenced{RelationRelationId, parent, 0};
  if (!goes_with(relation, parent, type)) recordDependencyOn(&dependent, &referenced, type);
}

// Of a table that goes by itself with another one Citus leaves the shards, as if they were a partition's: so a
// distributed one goes with CASCADE.
DependencyType dependency_on(Oid parent) { return is_distributed(parent) ? DEPENDENCY_NORMAL : DEPENDENCY_AUTO; }

// -- making it --

List *create_view(List *commands, Oid parent, const char *name, const char *table, const ParentTerms *kept) {
  commands = lappend(commands, const_cast<char *>(view_sql(name, parent, table, kept)));
  commands = lappend(commands, psprintf("COMMENT ON VIEW %s IS %s", name,
                                        quote_literal_cstr(psprintf("Counters of %s with what lies spilled for them: "
                                                                    "exact in every snapshot.",
                                                                    qualified_relation(parent)))));
  return grants(hand_over(commands, parent, "VIEW", name), parent, name);
}

bool is_key_column(const ParentTerms *kept, const char *name) {
  for (int i = 0; i < kept->nkey; ++i)
    if (strcmp(kept->key[i], name) == 0) return true;
  return false;
}

bool has_row_security(Oid table) {
  Relation relation = table_open(table, AccessShareLock);
  const bool has = relation->rd_rel->relrowsecurity;
  table_close(relation, NoLock);
  return has;
}

// The table goes to the shards with all that it has, but for rights, which are given afterwards.
List *distribute(List *commands, Oid parent, const ParentTerms *kept, const char *name) {
  const AttrNumber column = distribution_column(parent);
  const char *parent_name = qualified_relation(parent);
  if (column == InvalidAttrNumber || !is_key_column(kept, get_attname(parent, column, false)))
    ereport(ERROR, errcode(sqlstate_unenforceable),
            errmsg("counts of relation \"%s\" cannot spill", get_rel_name(parent)),
            errdetail("Citus distributes it, and not by a column of the key that its children refer to."),
            errhint("Declare the tally with contention => 'wait'."));
  return lappend(commands, psprintf("SELECT pg_catalog.create_distributed_table(%s, %s, colocate_with => %s)",
                                    quote_literal_cstr(name), quote_literal_cstr(get_attname(parent, column, false)),
                                    quote_literal_cstr(parent_name)));
}

// Rows of the table are short-lived. Who may read the parent's row may read what lies spilled for it. A subscriber
// finds rows to remove by their whole content. Citus has no policies that look at another table: where it distributes
// the parent, who may read the table may read all of it, and where the parent has policies that is the owner alone.
List *create_table(Oid parent, const ParentTerms *kept) {
  const char *name = choose_name(parent, "spilled");
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "CREATE%s TABLE %s (",
                   get_rel_persistence(parent) == RELPERSISTENCE_UNLOGGED ? " UNLOGGED" : "", name);
  for (int i = 0; i < kept->nkey; ++i) write_key_column(&sql, parent, kept->key[i]);
  for (int i = 0; i < kept->ncounters; ++i)
    appendStringInfo(&sql, "%s %s NOT NULL, ", quote_identifier(kept->counters[i]),
                     type_of_counter(parent, kept->counters[i]));
  appendStringInfo(&sql,
                   "%s pg_catalog.xid8 NOT NULL) WITH (autovacuum_vacuum_scale_factor = 0, "
                   "autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0, "
                   "autovacuum_vacuum_insert_threshold = -1)",
                   writer_column_name);
  List *commands = list_make1(sql.data);
  commands = lappend(commands, psprintf("CREATE INDEX ON %s (%s, %s)", name, joined_key(kept, ""), writer_column_name));
  const bool distributed = is_distributed(parent);
  commands = lappend(commands, psprintf("ALTER TABLE %s REPLICA IDENTITY FULL", name));
  if (!distributed) {
    commands = lappend(commands, psprintf("ALTER TABLE %s ENABLE ROW LEVEL SECURITY", name));
    commands = lappend(commands, psprintf("CREATE POLICY ratchet_visible ON %s AS PERMISSIVE FOR SELECT USING (EXISTS "
                                          "(SELECT FROM %s t CROSS JOIN (SELECT %s) s WHERE %s))",
                                          name, qualified_relation(parent), joined_key(kept, psprintf("%s.", name)),
                                          same_row(parent, kept)));
  }
  commands = lappend(commands, psprintf("COMMENT ON TABLE %s IS %s", name,
                                        quote_literal_cstr(psprintf("What was counted for rows of %s and is not yet in "
                                                                    "their counters. Written by ratchet alone.",
                                                                    qualified_relation(parent)))));
  commands = tie(commands, parent, name, spilled_trigger_name, "keep_spilled");
  commands = hand_over(commands, parent, "TABLE", name);
  if (distributed) commands = distribute(commands, parent, kept, name);
  if (!distributed || !has_row_security(parent)) commands = grants(commands, parent, name);
  return create_view(commands, parent, choose_name(parent, "exact"), name, kept);
}

// -- changing it --

bool is_column(const ParentTerms *kept, const char *name) {
  for (int i = 0; i < kept->ncounters; ++i)
    if (strcmp(kept->counters[i], name) == 0) return true;
  return is_key_column(kept, name) || strcmp(writer_column_name, name) == 0;
}

// Columns of the table that these terms do not know.
List *columns_less(Oid table, const ParentTerms *kept) {
  List *names = NIL;
  Relation relation = table_open(table, AccessShareLock);
  for (int i = 0; i < RelationGetDescr(relation)->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), i);
    if (!attribute->attisdropped && !is_column(kept, NameStr(attribute->attname)))
      names = lappend(names, pstrdup(NameStr(attribute->attname)));
  }
  table_close(relation, NoLock);
  return names;
}

List *counters_more(Oid table, const ParentTerms *kept) {
  List *names = NIL;
  for (int i = 0; i < kept->ncounters; ++i)
    if (get_attnum(table, kept->counters[i]) == InvalidAttrNumber)
      names = lappend(names, const_cast<char *>(kept->counters[i]));
  return names;
}

List *drop_view(List *commands, Oid view) {
  return OidIsValid(view) ? lappend(commands, psprintf("DROP VIEW %s", qualified_relation(view))) : commands;
}

// Before the table is altered, and after it.
List *replace_view(List *alterations, Oid parent, Oid table, const ParentTerms *kept) {
  const Oid view = find_exact_view(parent, table);
  const char *name = OidIsValid(view) ? qualified_relation(view) : choose_name(parent, "exact");
  List *commands = list_concat(drop_view(NIL, view), alterations);
  return create_view(commands, parent, name, qualified_relation(table), kept);
}

// What is there is added to its rows, and what is there for no row is removed.
void fold_everything(Oid parent) {
  Counters *counters = current_counters(parent, RowExclusiveLock);
  if (counters->spill == nullptr) error_spill_table(counters);
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext memory = AllocSetContextCreate(caller, "ratchet fold", ALLOCSET_DEFAULT_SIZES);
  for (bool more = true; more;) {
    MemoryContextSwitchTo(memory);
    const SpilledRows rows = look_at_spilled(counters);
    more = rows.keys != NIL;
    if (more && IsolationUsesXactSnapshot())
      ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
              errmsg("spilled counts cannot be added to their rows at this isolation level"),
              errhint("Declare the tally at READ COMMITTED."));
    for (const auto *key : each<Datum>(rows.keys)) {
      CHECK_FOR_INTERRUPTS();
      // Its triggers may do anything.
      counters = current_counters(parent, RowExclusiveLock);
      if (write_folded(counters, key, FoldMode::waiting) == Folded::gone) remove_leftovers(counters, key);
    }
    MemoryContextSwitchTo(caller);
    MemoryContextReset(memory);
    counters = current_counters(parent, RowExclusiveLock);
  }
  MemoryContextDelete(memory);
  flush_pending(InvalidOid, restriction_for(counters->owner));
}

// The counts of shards cannot be added here. Each shard is asked to, in a transaction of its node's; it waits for no
// lock that this transaction may have there. What is left, or comes until the shards have their triggers, is found by
// check_nothing_spilled().
void fold_shards(Oid parent) {
  see_rows(
      psprintf("SELECT success, result FROM pg_catalog.run_command_on_shards(%s, %s)",
               quote_literal_cstr(qualified_relation(parent)),
               quote_literal_cstr("SELECT ratchet.fold('%s') FROM pg_catalog.set_config('lock_timeout', '2s', true)")),
      [](HeapTuple, TupleDesc) {});
}

// Of a distributed table that goes, or that loses columns. The shards of the parent have been altered by this
// transaction, so nobody counts for them until it ends.
void check_nothing_spilled(Oid parent, Oid table) {
  bool any = false;
  see_rows(psprintf("SELECT 1 FROM %s LIMIT 1", qualified_relation(table)), [&](HeapTuple, TupleDesc) { any = true; });
  if (!any) return;
  ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
          errmsg("counts of relation \"%s\" lie spilled on its shards", get_rel_name(parent)),
          errhint("Try again, when fewer transactions write it or run_command_on_shards() has called ratchet.fold()."));
}

bool loses(const ParentTerms *before, const ParentTerms *after) {
  if (after == nullptr || !after->spills) return true;
  for (int i = 0; i < before->ncounters; ++i)
    if (!is_column(after, before->counters[i])) return true;
  return false;
}

}  // namespace

namespace {

// Of a table that was there before Citus distributed the parent.
bool is_left_behind(Oid parent, Oid table) {
  return OidIsValid(table) && is_distributed(parent) && !is_distributed(table);
}

// The rows that its counts are for are on the shards.
List *drop_left_behind(Oid parent, Oid table) {
  bool any = false;
  see_rows(psprintf("SELECT 1 FROM %s LIMIT 1", qualified_relation(table)), [&](HeapTuple, TupleDesc) { any = true; });
  if (any)
    ereport(ERROR, errcode(sqlstate_unenforceable),
            errmsg("counts of relation \"%s\" lay spilled when it was distributed", get_rel_name(parent)),
            errdetail("They are in relation \"%s\", which stayed on this server.", get_rel_name(table)),
            errhint("Drop that table, declare the tally again, and call ratchet.repair() on each shard of the child."));
  return lappend(drop_view(NIL, find_exact_view(parent, table)), psprintf("DROP TABLE %s", qualified_relation(table)));
}

}  // namespace

bool is_spill_settled(Oid parent, const ParentTerms *kept) {
  const Oid table = find_spill_table(parent);
  if (!kept->spills) return !OidIsValid(table);
  if (is_left_behind(parent, table)) return false;
  Relation relation = table_open(parent, AccessShareLock);
  const Counters *counters = find_counters(relation);
  table_close(relation, NoLock);
  return counters != nullptr && counters->spill != nullptr && OidIsValid(find_exact_view(parent, table));
}

void prepare_spill_table(Oid parent, const ParentTerms *before, const ParentTerms *after) {
  if (after != nullptr && after->spills && get_rel_persistence(parent) == RELPERSISTENCE_TEMP)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("counts of temporary table \"%s\" cannot spill", get_rel_name(parent)),
            errdetail("No other session can have its rows."));
  Oid table = find_spill_table(parent);
  List *commands = NIL;
  // Citus makes tables, views and triggers in one transaction where one connection a node does it all.
  if (is_distributed(parent) && (OidIsValid(table) || (after != nullptr && after->spills)))
    run_all(list_make1(const_cast<char *>("SET LOCAL citus.multi_shard_modify_mode TO 'sequential'")));
  if (is_left_behind(parent, table)) {
    commands = drop_left_behind(parent, table);
    table = InvalidOid;
  }
  if (before != nullptr && before->spills && OidIsValid(table) && loses(before, after)) {
    if (is_distributed(parent))
      fold_shards(parent);
    else
      fold_everything(parent);
  }
  if (after == nullptr || !after->spills) {
    run_all(commands);
    return;
  }
  if (!OidIsValid(table)) {
    run_all(commands);
    commands = create_table(parent, after);
  } else if (List *counters = counters_more(table, after)) {
    ListCell *cell;
    foreach (cell, counters) {
      const auto *counter = static_cast<const char *>(lfirst(cell));
      commands =
          lappend(commands, psprintf("ALTER TABLE %s ADD COLUMN %s %s NOT NULL DEFAULT 0", qualified_relation(table),
                                     quote_identifier(counter), type_of_counter(parent, counter)));
    }
    commands = replace_view(commands, parent, table, after);
  } else if (!OidIsValid(find_exact_view(parent, table))) {
    commands = replace_view(NIL, parent, table, after);
  }
  run_all(commands);
}

void finish_spill_table(Oid parent, const ParentTerms *after) {
  const Oid table = find_spill_table(parent);
  if (!OidIsValid(table)) return;
  List *commands = NIL;
  const bool goes = after == nullptr || !after->spills;
  if (is_distributed(table) && (goes || columns_less(table, after) != NIL)) check_nothing_spilled(parent, table);
  if (goes) {
    commands = drop_view(commands, find_exact_view(parent, table));
    commands = lappend(commands, psprintf("DROP TABLE %s", qualified_relation(table)));
  } else if (List *columns = columns_less(table, after)) {
    ListCell *cell;
    foreach (cell, columns)
      commands = lappend(commands, psprintf("ALTER TABLE %s DROP COLUMN %s", qualified_relation(table),
                                            quote_identifier(static_cast<const char *>(lfirst(cell)))));
    commands = replace_view(commands, parent, table, after);
  }
  run_all(commands);
  if (goes) return;
  write_spill_dependency(parent);
  const Counters *counters = current_counters(parent, AccessShareLock);
  if (counters->spill == nullptr) error_spill_table(counters);
}

namespace {

// What the coordinator drops of distributed tables Citus drops on the other nodes, each table by itself, and it lets
// nothing else drop one there.
bool goes_with_parent(Oid table, Oid parent) {
  return !has_citus() || (!OidIsValid(table_of_shard(table)) && (is_coordinator() || !is_distributed(parent)));
}

}  // namespace

void write_spill_dependency(Oid parent) {
  const Oid table = find_spill_table(parent);
  if (!OidIsValid(table)) return;
  Relation spilled = table_open(table, AccessShareLock);
  depend_on_parent(spilled);
  table_close(spilled, NoLock);
}

void depend_on_parent(Relation spilled) {
  const Oid parent = find_parent_of_spilled(spilled);
  if (!OidIsValid(parent)) return;
  const Oid table = RelationGetRelid(spilled);
  if (goes_with_parent(table, parent)) {
    go_with(table, parent, dependency_on(parent));
    if (const Oid view = find_exact_view(parent, table); OidIsValid(view)) go_with(view, parent, DEPENDENCY_AUTO);
  }
  // With the rows of a shard that is moved here: nobody has called for them on this node.
  if (OidIsValid(table_of_shard(table)) && RelationGetNumberOfBlocks(spilled) > 0)
    call_fold_worker(spilled->rd_rel->relowner);
  // It has a table now.
  CacheInvalidateRelcacheByRelid(parent);
}

bool lacks_spill_dependency(Oid parent) {
  const Oid table = find_spill_table(parent);
  return OidIsValid(table) && goes_with_parent(table, parent) && !goes_with(table, parent, dependency_on(parent));
}

namespace {

void rename_column(Oid table, ObjectType type, const char *from, const char *to) {
  if (!OidIsValid(table) || get_attnum(table, from) == InvalidAttrNumber) return;
  auto *rename = makeNode(RenameStmt);
  rename->renameType = OBJECT_COLUMN;
  rename->relationType = type;
  rename->relation = makeRangeVar(get_namespace_name(get_rel_namespace(table)), get_rel_name(table), -1);
  rename->subname = pstrdup(from);
  rename->newname = pstrdup(to);
  rename->behavior = DROP_RESTRICT;
  renameatt(rename);
  CommandCounterIncrement();
}

}  // namespace

void follow_owner_of_spilled(Oid parent) {
  if (is_distributed(parent) || OidIsValid(table_of_shard(parent))) return;
  const Oid table = find_spill_table(parent);
  if (!OidIsValid(table)) return;
  // The view first, which is known by having the table's owner.
  give_to_owner_of(parent, find_exact_view(parent, table));
  give_to_owner_of(parent, table);
}

void rename_spilled_column(Oid parent, const char *from, const char *to) {
  const Oid table = find_spill_table(parent);
  if (!OidIsValid(table)) return;
  const Oid view = find_exact_view(parent, table);
  if (OidIsValid(view) && is_distributed(parent)) {
    // Citus gives its queries of a view the names that the columns had when the view was made, and a new one would get
    // to the other nodes before their tables have the new name.
    ereport(NOTICE,
            errmsg("view \"%s\" is dropped, because a column of relation \"%s\" was renamed", get_rel_name(view),
                   get_rel_name(parent)),
            errhint("Declare a tally of the relation again: ratchet.tally() makes the view."));
    run_all(drop_view(NIL, view));
  } else {
    rename_column(view, OBJECT_VIEW, from, to);
  }
  rename_column(table, OBJECT_TABLE, from, to);
}

}  // namespace ratchet
