#include "pg/pg.h"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/pg_trigger.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
}

#include "contract/errors.h"
#include "contract/trigger_cache.h"
#include "contract/trigger_shapes.h"

namespace ratchet {

namespace {

[[noreturn]] void refuse_shape(Relation relation, const char *trigger) {
  ereport(
      ERROR, errcode(sqlstate_unenforceable),
      errmsg("trigger \"%s\" of relation \"%s\" is not a ratchet contract", trigger, RelationGetRelationName(relation)),
      errdetail("A ratchet trigger function is attached under another name, time or condition than ratchet uses."),
      errhint("Declare contracts with ratchet.guard() and ratchet.tally()."), errtable(relation));
  pg_unreachable();
}

// What a trigger of each kind must look like.
struct Shape {
  TriggerKind kind;
  const char *name;
  bool prefix;  // the name may go on
  int16 type;
  bool condition;
  bool constraint;
  bool deferred;  // a deferrable constraint, initially so
};

constexpr Shape shapes[] = {
    {TriggerKind::guard, guard_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_UPDATE, false,
     false, false},
    {TriggerKind::born, insert_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT, true, false, false},
    {TriggerKind::deletion, delete_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_DELETE,
     false, false, false},
    {TriggerKind::truncation, guard_truncate_trigger_name, false, TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_TRUNCATE, false,
     false, false},
    {TriggerKind::child, child_trigger_prefix, true,
     TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE, false, false, false},
    {TriggerKind::flush, flush_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_DELETE, true, true, true},
    {TriggerKind::truncate, truncate_trigger_name, false, TRIGGER_TYPE_TRUNCATE, false, false, false},
    {TriggerKind::truncate, truncating_trigger_name, false, TRIGGER_TYPE_TRUNCATE | TRIGGER_TYPE_BEFORE, false, false,
     false},
    {TriggerKind::parent, parent_trigger_name, false,
     TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE, false, false, false},
    {TriggerKind::completion, completion_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_UPDATE, true, false,
     false},
    {TriggerKind::gone, gone_trigger_name, false, TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_DELETE, false,
     false, false},
    {TriggerKind::spilled, spilled_trigger_name, false,
     TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE, false, true, false},
    {TriggerKind::attempts, attempts_trigger_name, false,
     TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE, false, true, false},
    {TriggerKind::attempts, attempts_truncate_trigger_name, false, TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_TRUNCATE, false,
     false, false}};

bool has_name(Relation relation, const Trigger &trigger, const Shape &shape) {
  return shape.prefix ? strncmp(trigger.tgname, shape.name, strlen(shape.name)) == 0
                      : is_called(relation, trigger, shape.name);
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
  if (shape.kind == TriggerKind::born && trigger.tgqual != nullptr && !asks_whether_closed(trigger)) return false;
  return has_name(relation, trigger, shape) && trigger.tgtype == shape.type && trigger.tgnattr == 0 &&
         (trigger.tgqual != nullptr) == shape.condition && OidIsValid(trigger.tgconstraint) == shape.constraint &&
         trigger.tgdeferrable == shape.deferred && trigger.tginitdeferred == shape.deferred;
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
          errtable(relation));
}

}  // namespace

//   NEW.done IS DISTINCT FROM OLD.done [OR ...]; 0.1.0 wrote NEW.done AND OLD.done IS NOT TRUE
bool sees_each_change(const Trigger &completion) {
  if (completion.tgqual == nullptr) return false;
  const auto *condition = static_cast<const Node *>(stringToNode(completion.tgqual));
  if (IsA(condition, DistinctExpr)) return true;
  if (!is_orclause(condition)) return false;
  ListCell *cell;
  foreach (cell, reinterpret_cast<const BoolExpr *>(condition)->args)
    if (!IsA(lfirst(cell), DistinctExpr)) return false;
  return true;
}

void check_shapes(Relation relation) {
  for (const OwnTrigger &own : copy_triggers(relation)) {
    if (own.kind == TriggerKind::none) {
      check_reserved(relation, *own.trigger);
      continue;
    }
    bool fits = false;
    for (const Shape &shape : shapes)
      fits = fits || (shape.kind == own.kind && has_shape(relation, *own.trigger, shape));
    if (!fits) refuse_shape(relation, own.trigger->tgname);
  }
}

}  // namespace ratchet
