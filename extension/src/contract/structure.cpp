#include "pg/pg.h"

extern "C" {
#include "catalog/catalog.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteDefine.h"
}

#include "contract/errors.h"
#include "contract/structure.h"
#include "pg/list.h"
#include "pg/memory.h"

namespace ratchet {

namespace {

const char *name_of(Last last) { return last == Last::guard ? guard_trigger_name : parent_trigger_name; }

[[noreturn]] void refuse_target(Relation relation, const char *action, const char *why, const char *hint) {
  ereport(ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
          errmsg("cannot %s relation \"%s\"", action, RelationGetRelationName(relation)), errdetail_internal("%s", why),
          hint != nullptr ? errhint("%s", hint) : 0, errtable(relation));
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

}  // namespace

Finding *finding(const char *severity, const char *text, const char *remedy) {
  auto *made = palloc_object<Finding>();
  *made = {severity, text, remedy};
  return made;
}

void raise_first(Relation relation, const List *findings) {
  if (findings == NIL) return;
  const auto *first = static_cast<const Finding *>(linitial(findings));
  error_unenforceable(relation, first->text, first->remedy);
}

bool is_before_row(const Trigger &trigger) {
  return TRIGGER_FOR_ROW(trigger.tgtype) && TRIGGER_FOR_BEFORE(trigger.tgtype);
}

List *later_triggers(Relation relation, Last last) {
  const char *own_name = name_of(last);
  List *findings = NIL;
  for (const OwnTrigger &own : copy_triggers(relation)) {
    const Trigger &trigger = *own.trigger;
    const bool insert = last == Last::counters && TRIGGER_FOR_INSERT(trigger.tgtype);
    if (!is_before_row(trigger) || !fires_ordinarily(trigger)) continue;
    if (!insert && !TRIGGER_FOR_UPDATE(trigger.tgtype)) continue;
    if (strcmp(trigger.tgname, own_name) <= 0 || own.kind != TriggerKind::none) continue;
    const char *event = TRIGGER_FOR_UPDATE(trigger.tgtype) ? "UPDATE" : "INSERT";
    const char *text =
        last == Last::guard
            ? psprintf("BEFORE %s trigger \"%s\" fires after the guard and could undo it", event, trigger.tgname)
            : psprintf("BEFORE %s trigger \"%s\" fires after the counters and could undo them", event, trigger.tgname);
    findings = lappend(
        findings, finding("error", text,
                          psprintf("Rename the trigger so that it sorts before \"%s\": ALTER TRIGGER ... RENAME TO ...",
                                   own_name)));
  }
  return findings;
}

List *instead_rules(Relation relation, Last last) {
  List *findings = NIL;
  const RuleLock *rules = relation->rd_rules;
  for (int i = 0; rules != nullptr && i < rules->numLocks; ++i) {
    const RewriteRule *rule = rules->rules[i];
    if (rule->event != CMD_UPDATE || !rule->isInstead || rule->enabled == RULE_DISABLED) continue;
    findings = lappend(
        findings, finding("error", "an ON UPDATE DO INSTEAD rule replaces updates of the table",
                          psprintf("Drop the rule, or use a BEFORE trigger that sorts before \"%s\".", name_of(last))));
  }
  return findings;
}

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
  for (const OwnTrigger &own : copy_triggers(relation))
    if (own.kind == TriggerKind::none && is_before_row(*own.trigger) && TRIGGER_FOR_UPDATE(own.trigger->tgtype))
      return true;
  return false;
}

bool is_only_before_update(Relation relation) {
  int count = 0;
  for (const OwnTrigger &own : copy_triggers(relation))
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
    for (const Oid oid : each_oid(find_all_inheritors(RelationGetRelid(relation), AccessShareLock, nullptr)))
      if (get_rel_relkind(oid) == RELKIND_FOREIGN_TABLE)
        refuse_target(relation, action, psprintf("Its partition \"%s\" is a foreign table.", get_rel_name(oid)),
                      "Detach the foreign partition.");
  }
}

}  // namespace ratchet
