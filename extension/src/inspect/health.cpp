// inspect/health.cpp: what keeps a contract from being enforced, for people and for monitoring.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/pg_inherits.h"
#include "funcapi.h"
#include "optimizer/optimizer.h"
#include "utils/inval.h"
#include "utils/tuplestore.h"
}

#include "contract/core_copy.h"
#include "contract/distributed.h"
#include "contract/resolved_contract.h"
#include "contract/stored_trigger.h"
#include "contract/structure.h"
#include "contract/trigger_shapes.h"
#include "declare/guard_declare.h"
#include "declare/tally_triggers.h"
#include "guard/attempts_table.h"
#include "guard/guard_contract.h"
#include "guard/structure.h"
#include "inspect/activity_findings.h"
#include "pg/attempt.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "pg/user_context.h"
#include "tally/fold.h"
#include "tally/fold_worker.h"
#include "tally/references.h"
#include "tally/structure.h"

namespace ratchet {

namespace {

List *add(List *findings, const char *severity, const char *text, const char *remedy) {
  auto *finding = palloc_object<Finding>();
  *finding = {severity, text, remedy};
  return lappend(findings, finding);
}

const char *column_text(const ColumnFault &fault, Relation relation) {
  const char *text = text_of(fault, RelationGetRelationName(relation));
  return text != nullptr ? text : psprintf("column \"%s\" of the contract does not exist", fault.column);
}

// declare: the function that declares such contracts.
List *trigger_findings(List *findings, Relation relation, const Trigger *trigger, const char *name,
                       const char *declare) {
  const char *table = RelationGetRelationName(relation);
  if (trigger == nullptr)
    return add(findings, "error", psprintf("\"%s\" has no trigger \"%s\"", table, name),
               psprintf("Declare the contract again with %s.", declare));
  if (!fires_ordinarily(*trigger))
    return add(findings, "error", psprintf("trigger \"%s\" of \"%s\" does not fire in ordinary sessions", name, table),
               psprintf("ALTER TABLE %s ENABLE TRIGGER %s, or declare the contract again with %s.",
                        qualified_relation(RelationGetRelid(relation)), quote_identifier(name), declare));
  return findings;
}

List *named_findings(List *findings, Relation relation, const char *name) {
  return trigger_findings(findings, relation, find_named(relation, name), name, "ratchet.tally()");
}

// The child's side of tallies. without: a child on whose table there is none, but remnants.
List *source_findings(List *findings, Relation member, bool is_root) {
  const char *table = RelationGetRelationName(member);
  if (find_trigger(member, TriggerKind::child) == nullptr) {
    if (has_remnants(member))
      findings = add(findings, "error", psprintf("\"%s\" has triggers of a tally that is gone", table),
                     "Declare the tally again with ratchet.tally(), or remove what is left with ratchet.untally().");
    return findings;
  }
  for (const Trigger *trigger : find_triggers(member, TriggerKind::child)) {
    findings = trigger_findings(findings, member, trigger, trigger->tgname, "ratchet.tally()");
    const ChildTerms *source = parse_child_trigger(member, trigger);
    const Oid parent_oid = find_parent(member, source);
    if (!OidIsValid(parent_oid)) {
      findings = add(findings, "error", psprintf("the foreign key of a tally of \"%s\" does not exist", table),
                     "Restore the foreign key, or remove the tally with ratchet.untally().");
      continue;
    }
    if (!is_root) continue;
    Relation parent = table_open(parent_oid, AccessShareLock);
    const Trigger *counters = find_trigger(parent, TriggerKind::parent);
    if (counters == nullptr || !is_kept(parse_parent_trigger(parent, counters), source))
      findings = add(findings, "error",
                     psprintf("\"%s\" does not keep the counters of \"%s\"", RelationGetRelationName(parent), table),
                     "Declare the tally again with ratchet.tally().");
    if (parent->rd_rel->relowner != member->rd_rel->relowner)
      findings =
          add(findings, "error",
              psprintf("\"%s\" and its parent \"%s\" have different owners", table, RelationGetRelationName(parent)),
              "ALTER TABLE ... OWNER TO one owner of both.");
    table_close(parent, AccessShareLock);
  }
  findings = named_findings(findings, member, flush_trigger_name);
  if (!is_root && member->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) return findings;
  findings = named_findings(findings, member, truncate_trigger_name);
  return named_findings(findings, member, truncating_trigger_name);
}

// The parent's side.
List *kept_findings(List *findings, Relation member, bool is_root) {
  const Trigger *trigger = find_trigger(member, TriggerKind::parent);
  if (trigger == nullptr) return findings;
  const ParentTerms *kept = parse_parent_trigger(member, trigger);
  for (const char *name : {parent_trigger_name, gone_trigger_name, flush_trigger_name})
    findings = named_findings(findings, member, name);
  for (int i = 0; i < kept->ncompletions; ++i)
    if (kept->completions[i].on_done != nullptr || kept->completions[i].notify) {
      findings = named_findings(findings, member, completion_trigger_name);
      break;
    }
  if (const Trigger *completion = find_trigger(member, TriggerKind::completion);
      is_root && completion != nullptr && !sees_each_change(*completion))
    findings = add(findings, "warning",
                   psprintf("trigger \"%s\" of \"%s\" is that of an earlier version", completion->tgname,
                            RelationGetRelationName(member)),
                   "Declare the contract again with ratchet.tally().");
  if (is_root && counted_part(member, kept) != kept)
    findings = add(findings, "warning",
                   psprintf("\"%s\" keeps counters that no table counts for", RelationGetRelationName(member)),
                   "Remove them with ratchet.untally(NULL, parent), or declare the tally again.");
  return list_concat(findings, counters_findings(member));
}

// The trigger that keeps others from writing the table of spilled counts.
List *spill_trigger_findings(Oid parent) {
  const Oid oid = find_spill_table(parent);
  Relation table = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : nullptr;
  if (table == nullptr) return NIL;
  List *findings = named_findings(NIL, table, spilled_trigger_name);
  relation_close(table, AccessShareLock);
  return findings;
}

// Where counts spill.
List *spill_findings(Relation root) {
  const Counters *counters = find_counters(root);
  if (counters == nullptr) return NIL;
  List *findings = spill_trigger_findings(counters->root);
  const char *table = RelationGetRelationName(root);
  if (counters->spill_hidden)
    return add(findings, "error",
               psprintf("counts of \"%s\" do not spill, and what would complete a row fails: %s", table,
                        counters->spill_fault),
               spill_table_hint);
  if (counters->spill_fault != nullptr)
    return add(findings, "warning",
               psprintf("counts of \"%s\" wait, and do not spill: %s", table, counters->spill_fault),
               "Declare the tally again.");
  // A standby only has what its primary does.
  if (counters->spill == nullptr || RecoveryInProgress() || has_fold_worker(counters->owner)) return findings;
  const SpilledRows rows = look_at_spilled(counters);
  if (rows.keys == NIL) return findings;
  return add(findings, "warning",
             psprintf("spilled counts of \"%s\" wait for the next transaction that counts for their rows: there is no "
                      "background worker",
                      table),
             "SELECT ratchet.fold() adds them; max_worker_processes may be too low, or ratchet.fold_worker off.");
}

// What a look finds, or that it could not be had: whatever is wrong with one thing must not hide the others.
template <typename Look>
List *look_at(List *findings, Relation member, const char *what, Look &&look) {
  List *found = NIL;
  const ErrorData *error = attempt([&] { found = look(); });
  if (error == nullptr) return list_concat(findings, found);
  const char *why = error->detail == nullptr ? error->message : psprintf("%s: %s", error->message, error->detail);
  return add(findings, "error", psprintf("%s of \"%s\" cannot be used: %s", what, RelationGetRelationName(member), why),
             error->hint != nullptr
                 ? error->hint
                 : "Declare the contract again with ratchet.guard() or ratchet.tally(), or remove it.");
}

// Where attempts are stored, and what keeps others from writing there.
List *audit_findings(Relation root) {
  const Oid oid = find_attempts_table(RelationGetRelid(root));
  Relation table = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : nullptr;
  const char *fault =
      table == nullptr ? "there is no table for them" : find_attempts_fault_of(RelationGetRelid(root), table);
  List *findings = NIL;
  if (fault != nullptr)
    findings = add(
        findings, "error",
        psprintf("attempts at rows of \"%s\" cannot be stored, so they fail: %s", RelationGetRelationName(root), fault),
        attempts_hint);
  if (table == nullptr) return findings;
  for (const char *name : {attempts_trigger_name, attempts_truncate_trigger_name})
    findings = trigger_findings(findings, table, find_named(table, name), name, "ratchet.guard()");
  relation_close(table, AccessShareLock);
  return findings;
}

List *guard_findings(Relation member, Relation root) {
  List *findings = NIL;
  const Trigger *guard = find_trigger(member, TriggerKind::guard);
  if (find_trigger(root, TriggerKind::guard) != nullptr)
    findings = trigger_findings(findings, member, guard, guard_trigger_name, "ratchet.guard()");
  if (guard == nullptr) return findings;
  const GuardTerms *terms = parse_guard_trigger(CurrentMemoryContext, member, guard);
  const ColumnFault fault = find_column_fault(member, terms);
  const ColumnFault own = find_column_fault(member, terms, Faults::own);
  const bool gate = own.column == nullptr && fault.column != nullptr && terms->gate != nullptr &&
                    strcmp(fault.column, terms->gate) == 0;
  // Partitions have the columns of their root. A gate that cannot be open again stays closed, which fails nobody.
  if (fault.column != nullptr && member == root)
    findings = add(findings, gate ? "warning" : "error", column_text(fault, member),
                   "Declare the contract again with ratchet.guard(..., replace => true).");
  if (member == root) findings = list_concat(findings, limit_findings(root, terms));
  if (member == root && terms->audit) findings = list_concat(findings, audit_findings(root));
  if (terms->insert_reject)
    findings = trigger_findings(findings, member, find_trigger(member, TriggerKind::born), insert_trigger_name,
                                "ratchet.guard()");
  if (!terms->delete_reject) return findings;
  findings = trigger_findings(findings, member, find_trigger(member, TriggerKind::deletion), delete_trigger_name,
                              "ratchet.guard()");
  if (refuses_truncate(member, RelationGetRelid(root)))
    findings = trigger_findings(findings, member, find_trigger(member, TriggerKind::truncation),
                                guard_truncate_trigger_name, "ratchet.guard()");
  return findings;
}

// Every write of a partition of somebody else's fails where it is counted or counts; a guard is enforced there.
List *owner_findings(Relation member, Relation root) {
  if (member->rd_rel->relowner == root->rd_rel->relowner) return NIL;
  const char *name = RelationGetRelationName(member);
  const bool counts =
      find_trigger(member, TriggerKind::child) != nullptr || find_trigger(member, TriggerKind::parent) != nullptr;
  return add(NIL, counts ? "error" : "warning",
             counts ? psprintf("partition \"%s\" has another owner than its partitioned table: its writes fail", name)
                    : psprintf("partition \"%s\" has another owner, who can disable its guard", name),
             "ALTER TABLE ... OWNER TO the owner of the partitioned table.");
}

// What is wrong with an expression, resolved as a write would resolve it, but for planning, which can run the owner's
// functions. user: of the functions that it calls.
List *expression_findings(List *findings, Relation member, const char *text, const char *what, const char *user) {
  return look_at(findings, member, what, [&]() -> List * {
    Node *expression = resolve_expression(RelationGetRelid(member), text);
    if (expression == nullptr) return NIL;
    const Oid forbidden = forbidden_function(expression, member->rd_rel->relowner);
    if (OidIsValid(forbidden))
      return add(NIL, "error",
                 psprintf("the owner of \"%s\" may not call function %s, which %s uses",
                          RelationGetRelationName(member), function_signature(forbidden), user),
                 "Declare the tally without it, or give its owner the right.");
    if (contain_mutable_functions(expression))
      return add(NIL, "error", psprintf("%s is no longer IMMUTABLE", what),
                 "Make its functions IMMUTABLE, or declare the tally without them.");
    return NIL;
  });
}

List *counted_findings(Relation member) {
  List *findings = NIL;
  for (const OwnTrigger &own : copy_triggers(member)) {
    if (own.kind != TriggerKind::child) continue;
    const ChildTerms *source = parse_child_trigger(member, own.trigger);
    for (int i = 0; i < source->ncounters; ++i)
      findings = expression_findings(findings, member, source->counters[i].expression,
                                     psprintf("what is counted into \"%s\"", source->counters[i].column), "a counter");
  }
  return findings;
}

// pg_upgrade leaves them out, and nothing else shows that.
List *dependency_findings(Relation member) {
  if (!lacks_dependencies(member)) return NIL;
  return add(NIL, "warning",
             psprintf("what the tallies of \"%s\" depend on is not recorded: it can be dropped or renamed unseen",
                      RelationGetRelationName(member)),
             psprintf("SELECT ratchet.record_dependencies(%s), as after each pg_upgrade.",
                      quote_literal_cstr(qualified_relation(RelationGetRelid(member)))));
}

// A crash empties an unlogged table. Where the parent is logged no declaration and no ATTACH PARTITION lets that pass.
List *persistence_findings(Relation member) {
  if (member->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) return NIL;
  for (const Trigger *trigger : find_triggers(member, TriggerKind::child)) {
    const Oid parent = find_parent(member, parse_child_trigger(member, trigger));
    if (OidIsValid(parent) && get_rel_persistence(parent) != member->rd_rel->relpersistence &&
        get_rel_relkind(parent) != RELKIND_PARTITIONED_TABLE)
      return add(NIL, "warning",
                 psprintf("of \"%s\" and \"%s\" one is unlogged: after a crash it is empty, and the counters are wrong",
                          RelationGetRelationName(member), get_rel_name(parent)),
                 "ALTER TABLE ... SET LOGGED, then CALL ratchet.repair().");
  }
  return NIL;
}

List *condition_findings(Relation member) {
  List *findings = NIL;
  const Trigger *trigger = find_trigger(member, TriggerKind::parent);
  if (trigger == nullptr) return findings;
  const ParentTerms *kept = parse_parent_trigger(member, trigger);
  for (int i = 0; i < kept->ncompletions; ++i)
    if (kept->completions[i].when != nullptr)
      findings = expression_findings(findings, member, kept->completions[i].when,
                                     psprintf("what completes \"%s\"", kept->completions[i].done), "a completion");
  return findings;
}

// The functions that completions call, looked up as the owner, who calls them.
List *on_done_findings(Relation member) {
  List *findings = NIL;
  const Trigger *trigger = find_trigger(member, TriggerKind::parent);
  if (trigger == nullptr) return findings;
  const ParentTerms *kept = parse_parent_trigger(member, trigger);
  for (int i = 0; i < kept->ncompletions; ++i) {
    const char *signature = kept->completions[i].on_done;
    if (signature == nullptr) continue;
    findings = look_at(findings, member, psprintf("on_done function %s", signature), [&]() -> List * {
      const Oid owner = member->rd_rel->relowner;
      const User caller = become(owner, SECURITY_RESTRICTED_OPERATION);
      const Oid function = find_function(signature);
      restore(caller);
      if (OidIsValid(function) && may_execute(function, owner)) return NIL;
      return add(NIL, "error",
                 psprintf(OidIsValid(function) ? "the owner of \"%s\" may not call on_done function %s"
                                               : "on_done of \"%s\" is function %s, which does not exist",
                          RelationGetRelationName(member), signature),
                 "Declare the tally with another function, or give its owner the right.");
    });
  }
  return findings;
}

// A name that was renamed while it was looked up is no finding.
template <typename Look>
List *settled(Look &&look) {
  AcceptInvalidationMessages();
  List *findings = look();
  for (int waits = 0; findings != NIL && await_invalidations(waits); ++waits) findings = look();
  return findings;
}

// Findings about one table of a contract: the table itself or a partition.
List *member_findings(List *findings, Relation member, Relation root) {
  const bool is_root = member == root;
  findings = look_at(findings, member, "the guard", [&] { return guard_findings(member, root); });
  findings = look_at(findings, member, "the owner", [&] { return owner_findings(member, root); });
  findings = look_at(findings, member, "the tally", [&] { return source_findings(NIL, member, is_root); });
  findings = look_at(findings, member, "the counters", [&] { return kept_findings(NIL, member, is_root); });
  findings = look_at(findings, member, "the tally", [&] { return persistence_findings(member); });
  if (is_root) {
    findings = look_at(findings, member, "the contract", [&] { return room_findings(member); });
    findings =
        look_at(findings, member, "the tally", [&] { return settled([&] { return counted_findings(member); }); });
    findings = look_at(findings, member, "the tally", [&] { return dependency_findings(member); });
    findings =
        look_at(findings, member, "the counters", [&] { return settled([&] { return condition_findings(member); }); });
    findings = look_at(findings, member, "the counters", [&] { return spill_findings(member); });
    findings =
        look_at(findings, member, "the counters", [&] { return settled([&] { return on_done_findings(member); }); });
  }
  findings = look_at(findings, member, "a trigger", [&]() -> List * {
    check_shapes(member);
    return NIL;
  });
  return look_at(findings, member, "the guard", [&] {
    return find_trigger(member, TriggerKind::guard) == nullptr ? NIL : structural_findings(member);
  });
}

// Whether a shard has a trigger of its table's.
bool has_trigger(Oid shard, const StoredTrigger *wanted) {
  for (const auto *trigger : each<StoredTrigger>(stored_triggers(shard)))
    if (trigger->kind == wanted->kind &&
        same_arguments(trigger->arguments, trigger->narguments, wanted->arguments, wanted->narguments))
      return true;
  return false;
}

// A table that Citus distributes guards and counts nothing itself: its shards on this node must be able to. What is
// wrong with their own triggers they say themselves.
List *shard_findings(Oid table) {
  List *findings = NIL;
  for (const Oid shard : each_oid(local_shards(table)))
    for (const auto *trigger : each<StoredTrigger>(stored_triggers(table)))
      if (!OidIsValid(trigger->parent) && trigger->kind != TriggerKind::truncate &&
          trigger->kind != TriggerKind::truncation && !has_trigger(shard, trigger))
        findings = add(findings, "error",
                       psprintf("shard \"%s\" does not have trigger \"%s\" of \"%s\", or has it with other arguments",
                                get_rel_name(shard), trigger->name, get_rel_name(table)),
                       "Remove the contract, and declare it again with citus.enable_ddl_propagation on.");
  return findings;
}

List *find_findings(Oid relid) {
  Relation root = try_relation_open(relid, AccessShareLock);
  if (root == nullptr) return NIL;
  List *findings = NIL;
  for (const Oid oid : each_oid(find_all_inheritors(relid, AccessShareLock, nullptr))) {
    CHECK_FOR_INTERRUPTS();
    Relation member = table_open(oid, NoLock);
    // Plain inheritance children are a finding of their parent, not members of the contract.
    if (RelationGetRelid(member) == relid || member->rd_rel->relispartition)
      findings = member_findings(findings, member, root);
    // The root is locked, and released, once.
    table_close(member, oid == relid ? NoLock : AccessShareLock);
  }
  if (root->rd_rel->relkind == RELKIND_PARTITIONED_TABLE && find_trigger(root, TriggerKind::guard) != nullptr)
    findings = look_at(findings, root, "the guard", [&] { return move_findings(relid); });
  if (has_citus())
    findings = look_at(findings, root, "the contract on its shards", [&] { return shard_findings(relid); });
  relation_close(root, AccessShareLock);
  return findings;
}

void put_findings(FunctionCallInfo fcinfo, List *findings) {
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  for (const auto *finding : each<Finding>(findings)) {
    Datum values[3] = {CStringGetTextDatum(finding->severity), CStringGetTextDatum(finding->text),
                       CStringGetTextDatum(finding->remedy)};
    bool nulls[3] = {false, false, false};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_findings) {
  ratchet::put_findings(fcinfo, ratchet::find_findings(PG_GETARG_OID(0)));
  return Datum(0);
}
