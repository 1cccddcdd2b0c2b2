#include "declare/ddl_check.h"
#include "contract/trigger_shapes.h"
#include "guard/structure.h"
#include "pg/list.h"
#include "tally/references.h"
#include "tally/structure.h"

#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "catalog/indexing.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
}

#include "contract/errors.h"
#include "contract/resolved_contract.h"
#include "contract/stored_trigger.h"
#include "contract/structure.h"
#include "contract/times.h"
#include "declare/audit_declare.h"
#include "declare/tally_triggers.h"
#include "guard/guard_contract.h"
#include "guard/policy.h"
#include "pg/attempt.h"
#include "pg/quote.h"
#include "tally/expression.h"

namespace ratchet {

namespace {

// A contract whose owner has rights that the caller lacks is no veto on the caller: health() reports what becomes of
// it.
bool may_judge(Oid relation) {
  const Oid owner = find_owner_of_relation(relation);
  return OidIsValid(owner) && has_privs_of_role(GetUserId(), owner);
}

void check_heirs(Relation relation) {
  if (has_inheritance_children(relation))
    error_unenforceable(relation, "it has inheritance children, whose rows are not counted",
                        "Use declarative partitioning.");
}

// A child against its parent, as far as both are there: a restore creates triggers before foreign keys.
void check_source(Relation child, const Trigger *trigger, const ChildTerms *source) {
  if (child->rd_rel->relispartition && !trigger->tgisclone)
    error_unenforceable(
        child, psprintf("trigger \"%s\" of a partition does not come from its partitioned table", trigger->tgname),
        "Declare tallies on the topmost partitioned table.");
  check_heirs(child);
  if (!has_one_parent(child, source))
    error_unenforceable(child, "another foreign key over the columns of a tally refers to something else",
                        "Rows are counted for the parent that their foreign key refers to; it must be the only one.");
  const List *keys = find_references(child, source);
  if (keys == NIL) return;
  const auto *key = static_cast<const ForeignKeyCacheInfo *>(linitial(keys));
  check_persistence(child, key->confrelid, sqlstate_unenforceable);
  if (child->rd_rel->relispartition) return;
  for (int i = 0; i < key->nkeys; ++i)
    make_key_cast(child, key->conkey[i], get_atttype(key->confrelid, key->confkey[i]), sqlstate_unenforceable);
}

// A trigger that is there now must say something. Its expressions need not be resolved: their columns cannot be
// dropped or changed.
void check_sources(Relation relation) {
  for (const OwnTrigger &own : copy_triggers(relation)) {
    if (own.kind != TriggerKind::child) continue;
    const ChildTerms *source = parse_child_trigger(relation, own.trigger);
    for (int i = 0; i < source->nvia; ++i)
      if (get_attnum(RelationGetRelid(relation), source->via[i]) <= 0)
        error_no_column(sqlstate_unenforceable, relation, source->via[i]);
    check_source(relation, own.trigger, source);
  }
}

// What the children sum must still fit. A child whose expressions cannot be resolved is for health() to report.
void check_sums(Relation parent, const ParentTerms *kept) {
  for (const Oid oid : each_oid(referencing_tables(RelationGetRelid(parent)))) {
    for (const auto *trigger : each<StoredTrigger>(stored_triggers(oid))) {
      if (trigger->kind != TriggerKind::child || OidIsValid(trigger->parent)) continue;
      const ChildTerms *source = nullptr;
      attempt([&] { source = parse_child_arguments(trigger->arguments, trigger->narguments); });
      if (source == nullptr || !is_kept(kept, source)) continue;
      for (int i = 0; i < source->ncounters; ++i) {
        check_scale(parent, source->counters[i].column, sqlstate_unenforceable);
        if (!source->counters[i].sum) continue;
        Node *expression = nullptr;
        attempt([&] { expression = resolve_expression(trigger->relation, source->counters[i].expression); });
        if (expression != nullptr)
          check_sum(parent, source->counters[i].column, exprType(expression), exprTypmod(expression),
                    sqlstate_unenforceable);
      }
    }
  }
}

void check_counters(Relation relation, bool thorough) {
  const Trigger *trigger = find_trigger(relation, TriggerKind::parent);
  if (trigger == nullptr) return;
  const ParentTerms *kept = parse_parent_trigger(relation, trigger);
  check_kept(relation, kept, sqlstate_unenforceable);
  check_counters_structure(relation);
  if (thorough && !trigger->tgisclone) check_sums(relation, kept);
}

void check_guard(Relation relation, bool thorough) {
  const Trigger *guard = find_trigger(relation, TriggerKind::guard);
  if (guard == nullptr) return;
  if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
    error_unenforceable(relation, "it is a temporary table", "Contracts are for tables that stay.");
  if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
    error_unenforceable(relation, "a partition of a guarded table cannot be a foreign table",
                        "Use a local table, or remove the contract with ratchet.unguard().");
  const GuardTerms *terms = parse_guard_trigger(CurrentMemoryContext, relation, guard);
  check_columns(relation, terms, sqlstate_unenforceable, thorough ? Faults::all : Faults::own);
  if (terms->audit && *find_shard_suffix(relation) != '\0')
    error_unenforceable(relation, "attempts at rows of a table that Citus distributes are not stored",
                        "Declare the contract without audit before the table is distributed.");
  check_structure(relation);
}

// Only what the command has locked: nobody waits for another table's migration, and no lock is left behind.
void check_member(Oid relid, bool thorough) {
  if (!is_locked(relid) || !concerns(relid)) return;
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  check_shapes(relation);
  if (relation->rd_rel->relkind != RELKIND_VIEW) {
    check_sources(relation);
    check_counters(relation, thorough);
    check_guard(relation, thorough);
    check_attempts_table(relation);
  }
  relation_close(relation, AccessShareLock);
}

// Rows of a plain inheritance child are updated through its parent without the parent's triggers.
void check_parent(Oid relid) {
  if (!is_locked(relid) || !concerns(relid)) return;
  Relation parent = try_relation_open(relid, AccessShareLock);
  if (parent == nullptr) return;
  if (find_trigger(parent, TriggerKind::guard) != nullptr) check_structure(parent);
  if (find_trigger(parent, TriggerKind::child) != nullptr || find_trigger(parent, TriggerKind::parent) != nullptr)
    check_heirs(parent);
  relation_close(parent, AccessShareLock);
}

List *find_parents(Oid relid) {
  List *parents = NIL;
  Relation catalog = table_open(InheritsRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
  SysScanDesc scan = systable_beginscan(catalog, InheritsRelidSeqnoIndexId, true, nullptr, 1, &key);
  while (HeapTuple tuple = systable_getnext(scan))
    parents = lappend_oid(parents, reinterpret_cast<Form_pg_inherits>(GETSTRUCT(tuple))->inhparent);
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return parents;
}

// What an argument of such a trigger makes of the column that it names; nullptr: it names none.
const char *part_of(TriggerKind kind, const char *name) {
  struct Part {
    TriggerKind kind;
    const char *name;
    const char *what;
  };
  static constexpr Part parts[] = {{TriggerKind::guard, "gate", "its gate"},
                                   {TriggerKind::guard, "gate_at", "the time of its gate"},
                                   {TriggerKind::guard, "actor", "the actor"},
                                   {TriggerKind::guard, "idempotency_key", "the idempotency key"},
                                   {TriggerKind::guard, "owned", "an owned column"},
                                   {TriggerKind::guard, "once", "a column that is written once"},
                                   {TriggerKind::guard, "frozen", "a frozen column"},
                                   {TriggerKind::guard, "forward", "a forward column"},
                                   {TriggerKind::guard, "state", "a column with states"},
                                   {TriggerKind::guard, "heartbeat", "the heartbeat"},
                                   {TriggerKind::guard, "version", "the version"},
                                   {TriggerKind::guard, "version_ignores", "a column that the version ignores"},
                                   {TriggerKind::guard, "fence", "the fence"},
                                   {TriggerKind::child, "via", "the reference that a tally counts by"},
                                   {TriggerKind::parent, "key", "the key that tallies reference"},
                                   {TriggerKind::parent, "counter", "a counter"},
                                   {TriggerKind::parent, "total", "a total"},
                                   {TriggerKind::parent, "max", "a limit"},
                                   {TriggerKind::parent, "min", "a limit"},
                                   {TriggerKind::parent, "done", "a done column"},
                                   {TriggerKind::parent, "done_at", "a done_at column"}};
  for (const Part &part : parts)
    if (part.kind == kind && strcmp(part.name, name) == 0) return part.what;
  return nullptr;
}

// As what a contract names a column; nullptr: it does not.
const char *part_in(const StoredTrigger *trigger, const char *column) {
  for (int i = 0; i < trigger->narguments; ++i) {
    const char *argument = trigger->arguments[i];
    const char *sign = strchr(argument, '=');
    if (sign == nullptr) continue;
    const char *name = pnstrdup(argument, sign - argument);
    const char *expression = expression_in(trigger, argument);
    if (expression != nullptr && names_column(expression, column))
      return trigger->kind == TriggerKind::child ? "a part of what is counted" : "a part of what completes a row";
    if (strcmp(sign + 1, column) != 0) continue;
    if (const char *what = part_of(trigger->kind, name)) return what;
  }
  return nullptr;
}

// The functions that a parent's contract calls must be there and callable.
void check_on_done(const StoredTrigger *trigger) {
  const List *functions = find_functions(trigger->oid);
  const Oid owner = find_owner_of_relation(trigger->relation);
  for (int i = 0; i < trigger->narguments; ++i) {
    if (strncmp(trigger->arguments[i], "on_done=", strlen("on_done=")) != 0) continue;
    const char *signature = trigger->arguments[i] + strlen("on_done=");
    Oid function = InvalidOid;
    for (const Oid member : each_oid(functions))
      if (strcmp(function_signature(member), signature) == 0) function = member;
    // After pg_upgrade no dependency says which it is.
    if (!OidIsValid(function)) attempt([&] { function = find_function(signature); });
    if (!OidIsValid(function))
      error_broken(trigger->relation, psprintf("on_done function %s does not exist", signature),
                   "Declare the tally with another function first.");
    if (!may_execute(function, owner) || !may_use_schema(get_func_namespace(function), owner))
      error_broken(trigger->relation, psprintf("its owner may not call on_done function %s", signature),
                   "Declare the tally with another function first, or leave its owner the right.");
  }
}

// What an expression of a tally makes of the function that a command has changed: IMMUTABLE no more, or not the owner's
// to call. The functions that a parent's contract calls in the end may do as they please.
// expression: nullptr where it cannot be looked at.
void check_expression(const StoredTrigger *trigger, Node *expression, const ObjectAddress &object) {
  const bool counts = trigger->kind == TriggerKind::child;
  const char *user = counts ? "a counter" : "a completion";
  if (object.classId == ProcedureRelationId && func_volatile(object.objectId) != PROVOLATILE_IMMUTABLE &&
      (expression == nullptr ? counts : calls(expression, object.objectId)))
    error_broken(trigger->relation,
                 psprintf("function %s, which %s uses, is not IMMUTABLE", function_signature(object.objectId), user),
                 psprintf("%s would change without a write; declare the tally without the function first.",
                          counts ? "The count" : "It"));
  if (expression == nullptr) return;
  const Oid forbidden = forbidden_function(expression, find_owner_of_relation(trigger->relation));
  if (OidIsValid(forbidden))
    error_broken(trigger->relation,
                 psprintf("its owner may not call function %s, which %s uses", function_signature(forbidden), user),
                 "Declare the tally without the function first, or leave its owner the right.");
}

// Of a child's counters, or of a parent's completions.
void check_expressions(const StoredTrigger *trigger, const ObjectAddress &object) {
  for (int i = 0; i < trigger->narguments; ++i) {
    if (const char *text = expression_in(trigger, trigger->arguments[i]))
      check_expression(trigger, resolve_expression(trigger->relation, text), object);
  }
}

// States that are values of the types of their columns, looked at without the table.
void check_states(const StoredTrigger *trigger) {
  const GuardTerms *terms = parse_guard_arguments(CurrentMemoryContext, trigger->arguments, trigger->narguments);
  for (int i = 0; i < terms->ngraphs; ++i) {
    const AttrNumber attnum = get_attnum(trigger->relation, terms->graphs[i].column);
    if (attnum <= 0) continue;
    Oid type, collation;
    int32 typmod;
    get_atttypetypmodcoll(trigger->relation, attnum, &type, &typmod, &collation);
    const ColumnFault fault = find_graph_fault(type, typmod, terms->graphs[i]);
    if (fault.column != nullptr)
      error_broken(trigger->relation, text_of(fault, get_rel_name(trigger->relation)),
                   "Change the contract with ratchet.guard(..., replace => true).");
  }
}

// Runs a check of a contract; its errors are refusals in ratchet's own words.
template <typename Check>
void refuse_unless(Oid relation, Check &&check) {
  const ErrorData *error = attempt(check);
  if (error == nullptr) return;
  if (error->sqlerrcode == sqlstate_unenforceable) ReThrowError(const_cast<ErrorData *>(error));
  error_broken(relation, psprintf("it could not be resolved any more: %s", error->message),
               "Change the contract first, or remove it with ratchet.unguard() or ratchet.untally().");
}

}  // namespace

void check_table(Oid relid, bool thorough) {
  const char relkind = get_rel_relkind(relid);
  if (relkind != RELKIND_VIEW && relkind != RELKIND_RELATION && relkind != RELKIND_FOREIGN_TABLE &&
      relkind != RELKIND_PARTITIONED_TABLE)
    return;
  check_member(relid, thorough);
  if (!get_rel_relispartition(relid)) {
    for (const Oid oid : each_oid(find_parents(relid))) check_parent(oid);
  }
  if (relkind != RELKIND_PARTITIONED_TABLE) return;
  // ATTACH PARTITION names the parent; what it attached may bring a contract of its own.
  for (const Oid member : each_oid(find_all_inheritors(relid, NoLock, nullptr))) {
    CHECK_FOR_INTERRUPTS();
    if (member != relid) check_member(member, thorough);
  }
}

void check_dependents(const ObjectAddress &object) {
  const Dependents dependents = find_dependents(object);
  for (const Oid oid : each_oid(dependents.triggers)) {
    CHECK_FOR_INTERRUPTS();
    const StoredTrigger *trigger = stored_trigger(oid);
    if (trigger == nullptr || OidIsValid(trigger->parent) || !may_judge(trigger->relation)) continue;
    if (trigger->kind == TriggerKind::child)
      refuse_unless(trigger->relation, [&] { check_expressions(trigger, object); });
    if (trigger->kind == TriggerKind::parent)
      refuse_unless(trigger->relation, [&] {
        check_on_done(trigger);
        check_expressions(trigger, object);
      });
  }
  for (const Oid relation : each_oid(dependents.relations)) {
    CHECK_FOR_INTERRUPTS();
    if (!concerns(relation) || !may_judge(relation)) continue;
    refuse_unless(relation, [&] { check_member(relation, true); });
    for (const auto *trigger : each<StoredTrigger>(stored_triggers(relation))) {
      if (trigger->kind == TriggerKind::guard && !OidIsValid(trigger->parent))
        refuse_unless(relation, [&] { check_states(trigger); });
    }
  }
}

void check_dropped_column(Oid relation, const char *column) {
  if (!OidIsValid(find_owner_of_relation(relation)) || !may_judge(relation)) return;
  for (const auto *trigger : each<StoredTrigger>(stored_triggers(relation))) {
    // A partition's columns go with those of its root.
    if (OidIsValid(trigger->parent)) continue;
    if (const char *what = part_in(trigger, column)) error_column_of_contract(relation, column, what);
  }
}

void check_retyped_column(Oid relation, const char *column) {
  if (!may_judge(relation)) return;
  for (const auto *trigger : each<StoredTrigger>(stored_triggers(relation))) {
    if (trigger->kind != TriggerKind::child || OidIsValid(trigger->parent)) continue;
    const ChildTerms *source = parse_child_arguments(trigger->arguments, trigger->narguments);
    for (int i = 0; i < source->ncounters; ++i)
      if (names_column(source->counters[i].expression, column))
        error_column_of_contract(relation, column, "a part of what is counted");
  }
}

void check_references(Oid relid) {
  if (!is_locked(relid) || !concerns(relid) || !may_judge(relid)) return;
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  for (const OwnTrigger &own : copy_triggers(relation))
    if (own.kind == TriggerKind::child &&
        !OidIsValid(find_parent(relation, parse_child_trigger(relation, own.trigger))))
      error_unenforceable(relation, "the foreign key of a tally is dropped",
                          "Remove the tally first, with ratchet.untally().");
  relation_close(relation, AccessShareLock);
}

void notice_times(Oid relid) {
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  if (const Trigger *guard = find_trigger(relation, TriggerKind::guard); guard != nullptr && !guard->tgisclone) {
    const GuardTerms *terms = parse_guard_trigger(CurrentMemoryContext, relation, guard);
    for (const char *column : {terms->gate, terms->gate_at}) notice_time_zone(relation, column, terms->time_zone);
  }
  relation_close(relation, AccessShareLock);
}

}  // namespace ratchet
