#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "executor/spi.h"
#include "utils/syscache.h"
}

#include "contract/core_copy.h"
#include "contract/ddl_support.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/trigger_shapes.h"
#include "declare/spill_declare.h"
#include "declare/tally_triggers.h"
#include "pg/dependency.h"
#include "pg/foreign_key.h"
#include "pg/list.h"
#include "pg/quote.h"
#include "tally/expression.h"
#include "tally/references.h"

namespace ratchet {

namespace {

bool is_leaf(Relation relation) {
  return relation->rd_rel->relispartition && relation->rd_rel->relkind == RELKIND_RELATION;
}

bool is_on(Relation relation, const char *name) {
  const Trigger *trigger = find_named(relation, name);
  return trigger != nullptr && fires_ordinarily(*trigger);
}

const char *literals(const char *const *arguments, int count) {
  StringInfoData out;
  initStringInfo(&out);
  for (int i = 0; i < count; ++i) appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", quote_literal_cstr(arguments[i]));
  return out.data;
}

List *drop(List *commands, Relation relation, const char *name) {
  const Trigger *trigger = find_named(relation, name);
  if (trigger == nullptr) return commands;
  return lappend(commands, psprintf("DROP TRIGGER %s ON %s", quote_identifier(trigger->tgname),
                                    qualified_relation(RelationGetRelid(relation))));
}

// The first free name for one more tally of a child.
const char *free_name(Relation child) {
  for (int n = 1;; ++n) {
    const char *name = psprintf("%s%d", child_trigger_prefix, n);
    if (find_named(child, name) == nullptr) return name;
  }
}

bool has_source(Relation relation, const char *without) {
  for (const Trigger *trigger : find_triggers(relation, TriggerKind::child)) {
    if (without == nullptr || strcmp(trigger->tgname, without) != 0) return true;
  }
  return false;
}

// Whether a table and its partitions all have the trigger, enabled.
bool is_on_everywhere(Oid relid, const char *name) {
  bool whole = true;
  for (const Oid oid : each_oid(find_all_inheritors(relid, AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    whole = whole && is_on(member, name);
    table_close(member, NoLock);
  }
  return whole;
}

//   CREATE CONSTRAINT TRIGGER "~ratchet_flush" AFTER DELETE ON schema.child
//   DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (false) EXECUTE FUNCTION ratchet.flush_counters()
// What it is queued for is said in tally/arm.cpp; not what PostgreSQL would queue it for.
List *settle_flush(List *commands, Relation relation, bool wanted) {
  const Oid relid = RelationGetRelid(relation);
  if (wanted && is_on_everywhere(relid, flush_trigger_name)) return commands;
  commands = drop(commands, relation, flush_trigger_name);
  if (!wanted) return commands;
  return lappend(commands,
                 psprintf("CREATE CONSTRAINT TRIGGER %s AFTER DELETE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                          "WHEN (false) EXECUTE FUNCTION ratchet.flush_counters()",
                          quote_identifier(flush_trigger_name), qualified_relation(relid)));
}

//   CREATE OR REPLACE TRIGGER "~ratchet_truncate" AFTER TRUNCATE ON schema.child
//   FOR EACH STATEMENT EXECUTE FUNCTION ratchet.count_truncate()
List *create_truncate(List *commands, Oid relid, const char *name, const char *time) {
  return lappend(commands, psprintf("CREATE OR REPLACE TRIGGER %s %s TRUNCATE ON %s FOR EACH STATEMENT EXECUTE "
                                    "FUNCTION ratchet.count_truncate()",
                                    quote_identifier(name), time, qualified_relation(relid)));
}

// Whether TRUNCATE triggers belong on a table: on the topmost one, and on what has rows.
bool counts_truncate(Relation member, Oid child) {
  return RelationGetRelid(member) == child || member->rd_rel->relkind != RELKIND_PARTITIONED_TABLE;
}

// suffix: of their names, on a shard.
List *create_both_truncates(List *commands, Oid relid, const char *suffix = "") {
  commands = create_truncate(commands, relid, psprintf("%s%s", truncate_trigger_name, suffix), "AFTER");
  return create_truncate(commands, relid, psprintf("%s%s", truncating_trigger_name, suffix), "BEFORE");
}

List *drop_both_truncates(List *commands, Relation relation) {
  return drop(drop(commands, relation, truncate_trigger_name), relation, truncating_trigger_name);
}

// TRUNCATE triggers of a table and its partitions, which are not cloned.
List *truncate_triggers(List *commands, Oid child, bool wanted) {
  for (const Oid oid : each_oid(find_all_inheritors(child, AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    if (!wanted)
      commands = drop_both_truncates(commands, member);
    else if (counts_truncate(member, child))
      commands = create_both_truncates(commands, oid);
    table_close(member, NoLock);
  }
  return commands;
}

// Which updates may complete, or undo, something that somebody wants to know of; nullptr: none.
const char *completion_condition(const ParentTerms *kept) {
  StringInfoData out;
  initStringInfo(&out);
  for (int i = 0; i < kept->ncompletions; ++i) {
    const CompletionTerm &completion = kept->completions[i];
    if (completion.on_done == nullptr && !completion.notify) continue;
    const char *done = quote_identifier(completion.done);
    appendStringInfo(&out, "%sNEW.%s IS DISTINCT FROM OLD.%s", out.len > 0 ? " OR " : "", done, done);
  }
  return out.len > 0 ? out.data : nullptr;
}

bool depends(Oid trigger, Oid classid, Oid objid) {
  return depends_on_any(TriggerRelationId, trigger,
                        [&](Form_pg_depend form) { return form->refclassid == classid && form->refobjid == objid; });
}

bool depends_on_column(Oid trigger, Oid relation) {
  return depends_on_any(TriggerRelationId, trigger, [&](Form_pg_depend form) {
    return form->refclassid == RelationRelationId && form->refobjid == relation && form->refobjsubid > 0;
  });
}

void depend(Oid trigger, Oid classid, Oid objid) {
  const ObjectAddress dependent{TriggerRelationId, trigger, 0};
  const ObjectAddress referenced{classid, objid, 0};
  recordDependencyOn(&dependent, &referenced, DEPENDENCY_NORMAL);
}

bool leads_to(Relation child, const ChildTerms *source, Oid parent) {
  ListCell *cell;
  foreach (cell, find_references(child, source))
    if (static_cast<const ForeignKeyCacheInfo *>(lfirst(cell))->confrelid == parent) return true;
  return false;
}

// The foreign key that a child's trigger depends on; InvalidOid: it is not there. Of several that say the same the
// others can be dropped.
Oid find_key_to_depend_on(Relation child, const ChildTerms *source) {
  List *keys = find_references(child, source);
  if (keys == NIL) return InvalidOid;
  const ForeignKeyCacheInfo *reference = oldest_enforced(keys);
  return (reference != nullptr ? reference : static_cast<const ForeignKeyCacheInfo *>(linitial(keys)))->conoid;
}

// Everything at once, when the foreign key is there: a restore brings it after the trigger.
void depend_on_reference(Relation child, const Trigger *trigger) {
  const ChildTerms *source = parse_child_trigger(child, trigger);
  const Oid key = find_key_to_depend_on(child, source);
  if (!OidIsValid(key)) return;
  // Citus distributes no trigger that depends on a constraint. What drops the key is refused where it happens.
  if (!is_distributed(RelationGetRelid(child))) {
    if (depends(trigger->tgoid, ConstraintRelationId, key)) return;
    depend(trigger->tgoid, ConstraintRelationId, key);
  }
  // There already, where only the foreign key was made anew.
  if (depends_on_column(trigger->tgoid, RelationGetRelid(child))) return;
  const ObjectAddress dependent{TriggerRelationId, trigger->tgoid, 0};
  for (int i = 0; i < source->ncounters; ++i)
    recordDependencyOnSingleRelExpr(&dependent, parse_condition(child, source->counters[i].expression),
                                    RelationGetRelid(child), DEPENDENCY_NORMAL, DEPENDENCY_NORMAL, false);
}

// The on_done functions that a parent's trigger has no recorded dependency on.
List *find_unrecorded_functions(const Trigger *trigger, const ParentTerms *kept) {
  List *functions = NIL;
  for (int i = 0; i < kept->ncompletions; ++i) {
    if (kept->completions[i].on_done == nullptr) continue;
    const Oid function = find_function(kept->completions[i].on_done);
    if (OidIsValid(function) && !depends(trigger->tgoid, ProcedureRelationId, function))
      functions = list_append_unique_oid(functions, function);
  }
  return functions;
}

void depend_on_conditions(Relation parent, const Trigger *trigger, const ParentTerms *kept) {
  if (depends_on_column(trigger->tgoid, RelationGetRelid(parent))) return;
  const ObjectAddress dependent{TriggerRelationId, trigger->tgoid, 0};
  for (int i = 0; i < kept->ncompletions; ++i)
    if (kept->completions[i].when != nullptr)
      recordDependencyOnSingleRelExpr(&dependent, parse_condition(parent, kept->completions[i].when),
                                      RelationGetRelid(parent), DEPENDENCY_NORMAL, DEPENDENCY_NORMAL, false);
}

void depend_on_completions(Relation parent, const Trigger *trigger) {
  const ParentTerms *kept = parse_parent_trigger(parent, trigger);
  for (const Oid oid : each_oid(find_unrecorded_functions(trigger, kept)))
    depend(trigger->tgoid, ProcedureRelationId, oid);
  depend_on_conditions(parent, trigger, kept);
}

}  // namespace

const Trigger *find_child_trigger(Relation child, const char *const *via, int nvia) {
  for (const Trigger *trigger : find_triggers(child, TriggerKind::child)) {
    const ChildTerms *source = parse_child_trigger(child, trigger);
    bool same = source->nvia == nvia;
    for (int i = 0; same && i < nvia; ++i) {
      same = false;
      for (int j = 0; j < nvia; ++j) same = same || strcmp(source->via[j], via[i]) == 0;
    }
    if (same) return trigger;
  }
  return nullptr;
}

bool is_kept(const ParentTerms *kept, const ChildTerms *source) {
  for (int i = 0; i < source->ncounters; ++i) {
    bool found = false;
    for (int j = 0; j < kept->ncounters; ++j)
      found = found || strcmp(source->counters[i].column, kept->counters[j]) == 0;
    if (!found) return false;
  }
  return true;
}

List *tallies_between(Relation child, Relation parent) {
  List *found = NIL;
  const Trigger *counters = find_trigger(parent, TriggerKind::parent);
  const ParentTerms *kept = counters == nullptr ? nullptr : parse_parent_trigger(parent, counters);
  for (const Trigger *trigger : find_triggers(child, TriggerKind::child)) {
    ChildTerms *source = parse_child_trigger(child, trigger);
    const bool leads = find_references(child, source) == NIL ? kept != nullptr && is_kept(kept, source)
                                                             : leads_to(child, source, RelationGetRelid(parent));
    if (leads) found = lappend(found, source);
  }
  return found;
}

//   CREATE OR REPLACE TRIGGER "!ratchet_tally_1" AFTER INSERT OR UPDATE OR DELETE ON schema.child
//   FOR EACH ROW EXECUTE FUNCTION ratchet.count_row('via=run_id', 'counter=evaluated_count', 'count=true', ...)
void write_child_triggers(Oid child, const ChildTerms *source, const char *name, Switches switches) {
  List *switched = switched_triggers(child, switches, {TriggerKind::child, TriggerKind::truncate});
  Relation relation = table_open(child, NoLock);
  const bool is_parent = find_trigger(relation, TriggerKind::parent) != nullptr;
  List *commands = NIL;
  if (source == nullptr) {
    if (name != nullptr) commands = drop(commands, relation, name);
    if (!has_source(relation, name)) {
      commands = settle_flush(commands, relation, is_parent);
      commands = truncate_triggers(commands, child, false);
    }
  } else {
    if (name == nullptr) name = free_name(relation);
    commands = lappend(
        commands,
        psprintf("CREATE OR REPLACE TRIGGER %s AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE "
                 "FUNCTION ratchet.count_row(%s)",
                 quote_identifier(name), qualified_relation(child), literals(source->arguments, source->narguments)));
    commands = settle_flush(commands, relation, true);
    commands = truncate_triggers(commands, child, true);
  }
  table_close(relation, NoLock);
  run_all(source == nullptr ? commands : list_concat(commands, switched));
  if (source != nullptr) write_dependencies(child);
}

//   CREATE OR REPLACE TRIGGER "~ratchet_counters" BEFORE INSERT OR UPDATE ON schema.parent
//   FOR EACH ROW EXECUTE FUNCTION ratchet.keep_counters('key=id', 'counter=evaluated_count', ...)
//   CREATE OR REPLACE TRIGGER "~ratchet_completion" AFTER UPDATE ON schema.parent
//   FOR EACH ROW WHEN (NEW.is_completed IS DISTINCT FROM OLD.is_completed) EXECUTE FUNCTION ratchet.complete_row()
//   CREATE OR REPLACE TRIGGER "!ratchet_gone" AFTER INSERT OR DELETE ON schema.parent
//   FOR EACH ROW EXECUTE FUNCTION ratchet.count_gone()
void write_parent_triggers(Oid parent, const ParentTerms *kept, Switches switches) {
  List *switched =
      switched_triggers(parent, switches, {TriggerKind::parent, TriggerKind::completion, TriggerKind::gone});
  Relation relation = table_open(parent, NoLock);
  List *commands = NIL;
  const char *condition = kept == nullptr ? nullptr : completion_condition(kept);
  if (kept == nullptr)
    commands = drop(commands, relation, parent_trigger_name);
  else
    commands = lappend(commands, psprintf("CREATE OR REPLACE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW "
                                          "EXECUTE FUNCTION ratchet.keep_counters(%s)",
                                          quote_identifier(parent_trigger_name), qualified_relation(parent),
                                          literals(kept->arguments, kept->narguments)));
  if (condition == nullptr)
    commands = drop(commands, relation, completion_trigger_name);
  else
    commands =
        lappend(commands, psprintf("CREATE OR REPLACE TRIGGER %s AFTER UPDATE ON %s FOR EACH ROW WHEN (%s) "
                                   "EXECUTE FUNCTION ratchet.complete_row()",
                                   quote_identifier(completion_trigger_name), qualified_relation(parent), condition));
  if (kept == nullptr)
    commands = drop(commands, relation, gone_trigger_name);
  else
    commands =
        lappend(commands, psprintf("CREATE OR REPLACE TRIGGER %s AFTER INSERT OR DELETE ON %s FOR EACH ROW EXECUTE "
                                   "FUNCTION ratchet.count_gone()",
                                   quote_identifier(gone_trigger_name), qualified_relation(parent)));
  commands = settle_flush(commands, relation, kept != nullptr || has_source(relation, nullptr));
  table_close(relation, NoLock);
  run_all(kept == nullptr ? commands : list_concat(commands, switched));
  if (kept != nullptr) write_dependencies(parent);
}

List *tables_with(TriggerKind kind) {
  List *tables = NIL;
  MemoryContext caller = CurrentMemoryContext;
  SPI_connect();
  const char *sql = psprintf(
      "SELECT DISTINCT tgrelid FROM pg_catalog.pg_trigger WHERE tgfoid OPERATOR(pg_catalog.=) "
      "%u::pg_catalog.oid AND tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid ORDER BY 1",
      find_trigger_function(kind));
  if (SPI_execute(sql, false, 0) != SPI_OK_SELECT) elog(ERROR, "reading triggers failed");
  for (uint64 i = 0; i < SPI_processed; ++i) {
    bool isnull;
    const Datum oid = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull);
    MemoryContext spi = MemoryContextSwitchTo(caller);
    tables = lappend_oid(tables, DatumGetObjectId(oid));
    MemoryContextSwitchTo(spi);
  }
  SPI_finish();
  return tables;
}

const ParentTerms *counted_part(Relation parent, const ParentTerms *kept) {
  const ParentTerms *uncounted = kept;
  for (const Oid oid : each_oid(tables_with(TriggerKind::child))) {
    Relation child = try_relation_open(oid, AccessShareLock);
    if (child == nullptr) continue;
    ListCell *source;
    foreach (source, tallies_between(child, parent))
      if (uncounted != nullptr) uncounted = kept_without(uncounted, static_cast<const ChildTerms *>(lfirst(source)));
    relation_close(child, NoLock);
  }
  return uncounted == nullptr ? kept : kept_less(kept, uncounted);
}

bool has_remnants(Relation child) {
  if (has_source(child, nullptr)) return false;
  const bool is_parent = find_trigger(child, TriggerKind::parent) != nullptr;
  return find_named(child, truncate_trigger_name) != nullptr ||
         (!is_parent && find_named(child, flush_trigger_name) != nullptr);
}

void follow_partition(Oid relid) {
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  List *commands = NIL;
  const char *suffix = find_shard_suffix(relation);
  const bool counted = (is_leaf(relation) || *suffix != '\0') && has_source(relation, nullptr);
  const bool before = find_named(relation, truncating_trigger_name) != nullptr;
  const bool after = find_named(relation, truncate_trigger_name) != nullptr;
  if (counted && !(before && after))
    commands = create_both_truncates(commands, relid, suffix);
  else if ((before || after) && relation->rd_rel->relkind == RELKIND_RELATION && !has_source(relation, nullptr))
    commands = drop_both_truncates(commands, relation);
  relation_close(relation, AccessShareLock);
  if (commands != NIL) run_all(commands);
}

bool is_whole_child(Oid child, const ChildTerms *source) {
  bool whole = true;
  for (const Oid oid : each_oid(find_all_inheritors(child, AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    const Trigger *counting = find_child_trigger(member, source->via, source->nvia);
    whole = whole && counting != nullptr && fires_ordinarily(*counting) &&
            same_arguments(counting->tgargs, counting->tgnargs, source->arguments, source->narguments);
    whole = whole && is_on(member, flush_trigger_name);
    if (counts_truncate(member, child))
      whole = whole && is_on(member, truncate_trigger_name) && is_on(member, truncating_trigger_name);
    table_close(member, NoLock);
  }
  return whole;
}

bool is_whole_parent(Oid parent, const ParentTerms *kept) {
  bool whole = true;
  for (const Oid oid : each_oid(find_all_inheritors(parent, AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    whole = whole && is_on(member, parent_trigger_name) && is_on(member, gone_trigger_name) &&
            is_on(member, flush_trigger_name) &&
            is_on(member, completion_trigger_name) == (completion_condition(kept) != nullptr);
    const Trigger *completion = find_trigger(member, TriggerKind::completion);
    whole = whole && (completion == nullptr || sees_each_change(*completion));
    table_close(member, NoLock);
  }
  return whole;
}

void write_dependencies(Oid relid) {
  Relation relation = table_open(relid, AccessShareLock);
  for (const Trigger *trigger : find_triggers(relation, TriggerKind::child)) {
    if (!trigger->tgisclone) depend_on_reference(relation, trigger);
  }
  const Trigger *counters = find_trigger(relation, TriggerKind::parent);
  if (counters != nullptr && !counters->tgisclone) depend_on_completions(relation, counters);
  if (counters != nullptr) write_spill_dependency(relid);
  if (find_trigger(relation, TriggerKind::spilled) != nullptr) depend_on_parent(relation);
  table_close(relation, AccessShareLock);
}

bool lacks_dependencies(Relation relation) {
  for (const Trigger *trigger : find_triggers(relation, TriggerKind::child)) {
    if (trigger->tgisclone || is_distributed(RelationGetRelid(relation))) continue;
    const Oid key = find_key_to_depend_on(relation, parse_child_trigger(relation, trigger));
    if (OidIsValid(key) && !depends(trigger->tgoid, ConstraintRelationId, key)) return true;
  }
  const Trigger *counters = find_trigger(relation, TriggerKind::parent);
  if (counters != nullptr && lacks_spill_dependency(RelationGetRelid(relation))) return true;
  return counters != nullptr && !counters->tgisclone &&
         find_unrecorded_functions(counters, parse_parent_trigger(relation, counters)) != NIL;
}

}  // namespace ratchet
