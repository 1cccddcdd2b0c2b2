#include "pg/pg.h"

extern "C" {
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "nodes/primnodes.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteDefine.h"
}

#include "contract/errors.h"
#include "contract/structure.h"
#include "tally/tally.h"

namespace ratchet {

namespace {

Finding *finding(const char *severity, const char *text, const char *remedy) {
  auto *made = static_cast<Finding *>(palloc(sizeof(Finding)));
  *made = {severity, text, remedy};
  return made;
}

bool is_before_row(const Trigger &trigger) {
  return TRIGGER_FOR_ROW(trigger.tgtype) && TRIGGER_FOR_BEFORE(trigger.tgtype);
}

// BEFORE row triggers that fire after one of ratchet's. who: what it is called in a message.
List *later_triggers(Relation relation, const char *own_name, const char *who, bool on_insert) {
  List *findings = NIL;
  for (const OwnTrigger &own : triggers_of(relation)) {
    const Trigger &trigger = *own.trigger;
    const bool insert = on_insert && TRIGGER_FOR_INSERT(trigger.tgtype);
    if (!is_before_row(trigger) || !fires_ordinarily(trigger)) continue;
    if (!insert && !TRIGGER_FOR_UPDATE(trigger.tgtype)) continue;
    if (strcmp(trigger.tgname, own_name) <= 0 || own.role != Role::count) continue;
    findings = lappend(
        findings, finding("error",
                          psprintf("BEFORE %s trigger \"%s\" fires after %s and could undo %s",
                                   TRIGGER_FOR_UPDATE(trigger.tgtype) ? "UPDATE" : "INSERT", trigger.tgname, who,
                                   strcmp(who, "the guard") == 0 ? "it" : "them"),
                          psprintf("Rename the trigger so that it sorts before \"%s\": ALTER TRIGGER ... RENAME TO ...",
                                   own_name)));
  }
  return findings;
}

List *instead_rules(Relation relation, const char *own_name) {
  List *findings = NIL;
  const RuleLock *rules = relation->rd_rules;
  for (int i = 0; rules != nullptr && i < rules->numLocks; ++i) {
    const RewriteRule *rule = rules->rules[i];
    if (rule->event != CMD_UPDATE || !rule->isInstead || rule->enabled == RULE_DISABLED) continue;
    findings = lappend(findings,
                       finding("error", "an ON UPDATE DO INSTEAD rule replaces updates of the table",
                               psprintf("Drop the rule, or use a BEFORE trigger that sorts before \"%s\".", own_name)));
  }
  return findings;
}

[[noreturn]] void refuse_target(Relation relation, const char *action, const char *why, const char *hint) {
  ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
          errmsg("cannot %s relation \"%s\"", action, RelationGetRelationName(relation)), errdetail_internal("%s", why),
          hint != nullptr ? errhint("%s", hint) : 0, (report_table(relation), 0));
  pg_unreachable();
}

const char *kind_of(char relkind) {
  switch (relkind) {
    case RELKIND_VIEW:
      return "It is a view.";
    case RELKIND_MATVIEW:
      return "It is a materialized view.";
    case RELKIND_FOREIGN_TABLE:
      return "It is a foreign table.";
    case RELKIND_SEQUENCE:
      return "It is a sequence.";
    default:
      return "It is not a table.";
  }
}

[[noreturn]] void refuse_shape(Relation relation, const char *trigger) {
  ereport(
      ERROR, errcode(sqlstate_unenforceable),
      errmsg("trigger \"%s\" of relation \"%s\" is not a ratchet contract", trigger, RelationGetRelationName(relation)),
      errdetail("A ratchet trigger function is attached under another name, time or condition than ratchet uses."),
      errhint("Declare contracts with ratchet.guard() and ratchet.tally()."), (report_table(relation), 0));
  pg_unreachable();
}

// What a trigger of each role must look like.
struct Shape {
  Role role;
  const char *name;
  bool prefix;  // the name may go on
  int16 type;
  bool condition;
  bool constraint;
};

constexpr Shape shapes[] = {
    {Role::guard, guard_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_UPDATE, false,
     false},
    {Role::born, insert_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT, true, false},
    {Role::source, source_trigger_prefix, true,
     TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE, false, false},
    {Role::flush, flush_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_DELETE, true, true},
    {Role::truncate, truncate_trigger_name, false, TRIGGER_TYPE_TRUNCATE, false, false},
    {Role::truncate, truncating_trigger_name, false, TRIGGER_TYPE_TRUNCATE | TRIGGER_TYPE_BEFORE, false, false},
    {Role::counters, counters_trigger_name, false,
     TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE, false, false},
    {Role::completion, completion_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_UPDATE, true, false},
    {Role::gone, gone_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_DELETE, false, false}};

bool has_name(Relation relation, const Trigger &trigger, const Shape &shape) {
  return shape.prefix ? strncmp(trigger.tgname, shape.name, strlen(shape.name)) == 0
                      : is_called(relation, trigger.tgname, shape.name);
}

// WHEN (ratchet.born_closed(NEW.*)): any other condition would let rows through.
bool asks_whether_closed(const Trigger &trigger) {
  const auto *condition = static_cast<const Node *>(stringToNode(trigger.tgqual));
  if (!IsA(condition, FuncExpr)) return false;
  const Oid function = reinterpret_cast<const FuncExpr *>(condition)->funcid;
  return strcmp(get_func_name(function), "born_closed") == 0 &&
         get_func_namespace(function) == get_namespace_oid("ratchet", true);
}

bool has_shape(Relation relation, const Trigger &trigger, const Shape &shape) {
  if (shape.role == Role::born && trigger.tgqual != nullptr && !asks_whether_closed(trigger)) return false;
  return has_name(relation, trigger, shape) && trigger.tgtype == shape.type && trigger.tgnattr == 0 &&
         (trigger.tgqual != nullptr) == shape.condition && OidIsValid(trigger.tgconstraint) == shape.constraint &&
         trigger.tgdeferrable == shape.constraint && trigger.tginitdeferred == shape.constraint;
}

// Contracts and nothing else have these names: CREATE OR REPLACE TRIGGER needs
// only the TRIGGER privilege and would take a contract away without a trace.
void check_reserved(Relation relation, const Trigger &trigger) {
  bool reserved = false;
  for (const Shape &shape : shapes) reserved = reserved || has_name(relation, trigger, shape);
  if (!reserved) return;
  ereport(ERROR, errcode(ERRCODE_RESERVED_NAME),
          errmsg("trigger name \"%s\" is reserved for ratchet contracts", trigger.tgname),
          errhint("Give the trigger another name; a contract is removed with ratchet.unguard() or ratchet.untally()."),
          (report_table(relation), 0));
}

}  // namespace

bool has_inheritance_children(Relation relation) {
  return relation->rd_rel->relkind == RELKIND_RELATION && has_subclass(RelationGetRelid(relation)) &&
         find_inheritance_children(RelationGetRelid(relation), NoLock) != NIL;
}

int count_before_update(const TriggerDesc *triggers) {
  int count = 0;
  for (int i = 0; i < triggers->numtriggers; ++i)
    if (is_before_row(triggers->triggers[i]) && TRIGGER_FOR_UPDATE(triggers->triggers[i].tgtype)) ++count;
  return count;
}

bool has_foreign_before_update(Relation relation) {
  for (const OwnTrigger &own : triggers_of(relation))
    if (own.role == Role::count && is_before_row(*own.trigger) && TRIGGER_FOR_UPDATE(own.trigger->tgtype)) return true;
  return false;
}

bool is_only_before_update(Relation relation) {
  int count = 0;
  for (const OwnTrigger &own : triggers_of(relation))
    if (is_before_row(*own.trigger) && TRIGGER_FOR_UPDATE(own.trigger->tgtype)) ++count;
  return count == 1;
}

void check_target(Relation relation, const char *action) {
  const char relkind = relation->rd_rel->relkind;
  if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
    refuse_target(relation, action, kind_of(relkind), "Declare the contract on the table that holds the rows.");
  if (IsSystemRelation(relation)) refuse_target(relation, action, "It is a system catalog.", nullptr);
  if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
    refuse_target(relation, action, "It is a temporary table.", nullptr);
  if (relation->rd_rel->relispartition)
    refuse_target(relation, action, "It is a partition.",
                  "Declare the contract on the topmost partitioned table; its partitions follow.");
  if (has_inheritance_children(relation))
    refuse_target(relation, action, "It has inheritance children, whose rows its triggers do not see.",
                  "Declare the contract on each child, or use declarative partitioning.");
  if (relkind == RELKIND_PARTITIONED_TABLE) {
    ListCell *cell;
    foreach (cell, find_all_inheritors(RelationGetRelid(relation), AccessShareLock, nullptr))
      if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
        refuse_target(relation, action,
                      psprintf("Its partition \"%s\" is a foreign table.", get_rel_name(lfirst_oid(cell))),
                      "Detach the foreign partition.");
  }
}

void check_shapes(Relation relation) {
  for (const OwnTrigger &own : triggers_of(relation)) {
    if (own.role == Role::count) {
      check_reserved(relation, *own.trigger);
      continue;
    }
    bool fits = false;
    for (const Shape &shape : shapes)
      fits = fits || (shape.role == own.role && has_shape(relation, *own.trigger, shape));
    if (!fits) refuse_shape(relation, own.trigger->tgname);
  }
}

List *structural_findings(Relation relation) {
  List *findings = list_concat(later_triggers(relation, guard_trigger_name, "the guard", false),
                               instead_rules(relation, guard_trigger_name));
  const Trigger *guard = find_guard_trigger(relation);
  // Through an ancestor without the contract a row could move out, be changed, and move in again.
  if (relation->rd_rel->relispartition && guard != nullptr && !guard->tgisclone)
    findings = lappend(findings, finding("error", "the table has become a partition of a table without the contract",
                                         "Remove it with ratchet.unguard() and guard the topmost partitioned table."));
  if (has_inheritance_children(relation))
    findings =
        lappend(findings, finding("error", "the table has inheritance children, whose rows the guard does not see",
                                  "Guard each child instead, or use declarative partitioning."));
  return findings;
}

static void raise_first(Relation relation, const List *findings) {
  if (findings == NIL) return;
  const auto *first = static_cast<const Finding *>(linitial(findings));
  error_unenforceable(relation, first->text, first->remedy);
}

void check_structure(Relation relation) { raise_first(relation, structural_findings(relation)); }

List *counters_findings(Relation relation) {
  List *findings = list_concat(later_triggers(relation, counters_trigger_name, "the counters", true),
                               instead_rules(relation, counters_trigger_name));
  if (has_inheritance_children(relation))
    findings = lappend(findings, finding("error", "the table has inheritance children, whose rows are not counted for",
                                         "Use declarative partitioning."));
  return findings;
}

void check_counters_structure(Relation relation) { raise_first(relation, counters_findings(relation)); }

List *move_findings(Oid root) {
  List *findings = NIL;
  ListCell *cell;
  foreach (cell, find_all_inheritors(root, AccessShareLock, nullptr)) {
    Relation member = table_open(lfirst_oid(cell), NoLock);
    for (const OwnTrigger &own : triggers_of(member)) {
      const Trigger &trigger = *own.trigger;
      if (!is_before_row(trigger) || !TRIGGER_FOR_INSERT(trigger.tgtype) || !fires_ordinarily(trigger)) continue;
      findings = lappend(
          findings,
          finding("warning",
                  psprintf("BEFORE INSERT trigger \"%s\" of \"%s\" could rewrite a row that moves between partitions; "
                           "updates that change a partition key are refused",
                           trigger.tgname, RelationGetRelationName(member)),
                  "Make it an AFTER trigger or a column default, or leave partition keys unchanged."));
    }
    // The root is locked by the caller.
    table_close(member, lfirst_oid(cell) == root ? NoLock : AccessShareLock);
  }
  return findings;
}

void check_moves(Relation leaf, Contract *contract) {
  if (contract->moves_checked == cache_generation()) return;
  // Read before looking: an invalidation in between makes the next call look again.
  const uint64 looked_at = cache_generation();
  List *findings = move_findings(contract->root);
  if (findings != NIL) {
    const auto *first = static_cast<const Finding *>(linitial(findings));
    error_unenforceable(leaf, first->text, first->remedy);
  }
  contract->moves_checked = looked_at;
}

}  // namespace ratchet
