// declare/follow.cpp: what is remembered between the beginning of a command and its end.
//
// A stored name cannot be resolved once the object has another one, so an expression is resolved before the command and
// written again after it, from the OIDs, as PostgreSQL does with defaults. That needs no right on the table and no lock
// of it: the text changes, its meaning does not.
#include "declare/follow.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/row_value.h"

#include "pg/pg.h"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "nodes/makefuncs.h"
#include "parser/parse_type.h"
}

#include "contract/core_copy.h"
#include "contract/errors.h"
#include "contract/resolved_contract.h"
#include "contract/stored_trigger.h"
#include "declare/spill_declare.h"
#include "declare/tally_triggers.h"
#include "guard/guard_contract.h"
#include "pg/attempt.h"
#include "pg/fence.h"
#include "pg/quote.h"
#include "tally/expression.h"

namespace ratchet {

namespace {

// A contract's trigger, and what its arguments mean: for each one a tree, a function, or neither.
struct Remembered {
  Oid trigger;
  int narguments;
  Node **expressions;
  Oid *functions;
};

// One command that has begun.
struct Watched {
  const Node *command;
  List *triggers;  // Remembered *
  Watched *outer;
};

Watched *watched;         // the last that has begun; in memory of the transaction
MemoryContext in_memory;  // where they are; nullptr: there are none

MemoryContext memory() {
  if (in_memory == nullptr)
    in_memory = AllocSetContextCreate(TopTransactionContext, "ratchet names", ALLOCSET_SMALL_SIZES);
  return in_memory;
}

// A command that failed may have left its own behind, and another be where it was.
Watched *take_watched(const Node *command) {
  for (Watched **link = &watched; *link != nullptr; link = &(*link)->outer)
    if ((*link)->command == command) {
      Watched *found = *link;
      *link = found->outer;
      return found;
    }
  return nullptr;
}

Oid function_with(const List *functions, const char *signature) {
  for (const Oid oid : each_oid(functions))
    if (strcmp(function_signature(oid), signature) == 0) return oid;
  return InvalidOid;
}

Remembered *remember(const StoredTrigger *trigger) {
  auto *remembered = palloc0_object<Remembered>();
  remembered->trigger = trigger->oid;
  remembered->narguments = trigger->narguments;
  remembered->expressions = palloc0_array<Node *>(trigger->narguments + 1);
  remembered->functions = palloc0_array<Oid>(trigger->narguments + 1);
  const List *functions = find_functions(trigger->oid);
  for (int i = 0; i < trigger->narguments; ++i) {
    if (const char *text = expression_in(trigger, trigger->arguments[i])) {
      // One that is broken already must not keep others from following.
      attempt([&] { remembered->expressions[i] = resolve_expression(trigger->relation, text); });
    } else if (trigger->kind != TriggerKind::parent) {
      continue;
    } else if (const char *signature = value_of(trigger->arguments[i], "on_done")) {
      remembered->functions[i] = function_with(functions, signature);
    }
  }
  return remembered;
}

const char *with_value(const char *argument, const char *value) {
  return psprintf("%.*s=%s", static_cast<int>(strchr(argument, '=') - argument), argument, value);
}

void follow(const Remembered *remembered) {
  const StoredTrigger *trigger = stored_trigger(remembered->trigger);
  if (trigger == nullptr || trigger->narguments != remembered->narguments) return;
  bool changed = false;
  auto **arguments = palloc_array<const char *>(trigger->narguments + 1);
  for (int i = 0; i < trigger->narguments; ++i) {
    const char *argument = trigger->arguments[i];
    if (remembered->expressions[i] != nullptr)
      argument = with_value(argument, write_expression(trigger->relation, remembered->expressions[i]));
    else if (OidIsValid(remembered->functions[i]))
      argument = with_value(argument, function_signature(remembered->functions[i]));
    changed = changed || strcmp(argument, trigger->arguments[i]) != 0;
    arguments[i] = argument;
  }
  if (changed) store_arguments(trigger, arguments, trigger->narguments);
}

List *add_object(List *objects, Oid classid, Oid objid) {
  if (!OidIsValid(objid)) return objects;
  auto *object = palloc_object<ObjectAddress>();
  *object = {classid, objid, 0};
  return lappend(objects, object);
}

List *add_type(List *objects, List *name) {
  return add_object(objects, TypeRelationId, LookupTypeNameOid(nullptr, makeTypeNameFromNameList(name), true));
}

List *add_named(List *objects, ObjectType type, Node *name) {
  // Commands on types name them as lists, unlike what get_object_address() takes.
  if (type == OBJECT_TYPE || type == OBJECT_DOMAIN) return add_type(objects, castNode(List, name));
  Relation relation = nullptr;
  const ObjectAddress object = get_object_address(type, name, &relation, AccessShareLock, true);
  if (relation != nullptr) relation_close(relation, AccessShareLock);
  return add_object(objects, object.classId, object.objectId);
}

List *add_relation(List *objects, const RangeVar *name) {
  return add_object(objects, RelationRelationId, RangeVarGetRelid(name, NoLock, true));
}

// What is named without a table can be part of an expression or be its type.
bool may_be_named(ObjectType type) {
  switch (type) {
    case OBJECT_AGGREGATE:
    case OBJECT_COLLATION:
    case OBJECT_DOMAIN:
    case OBJECT_EXTENSION:
    case OBJECT_FUNCTION:
    case OBJECT_OPERATOR:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
    case OBJECT_TSCONFIGURATION:
    case OBJECT_TSDICTIONARY:
    case OBJECT_TYPE:
      return true;
    default:
      return false;
  }
}

List *renamed_objects(const RenameStmt *rename) {
  if (rename->renameType == OBJECT_SCHEMA)
    return add_object(NIL, NamespaceRelationId, get_namespace_oid(rename->subname, true));
  if (rename->relation != nullptr)
    return rename->renameType == OBJECT_TABCONSTRAINT ? NIL : add_relation(NIL, rename->relation);
  // RENAME of a type's attribute names it as a relation, of a type as a list.
  return may_be_named(rename->renameType) ? add_named(NIL, rename->renameType, rename->object) : NIL;
}

List *moved_objects(const AlterObjectSchemaStmt *move) {
  if (move->relation != nullptr) return add_relation(NIL, move->relation);
  return may_be_named(move->objectType) ? add_named(NIL, move->objectType, move->object) : NIL;
}

// Rights on a schema, a function, a type.
List *granted_objects(const GrantStmt *grant) {
  List *objects = NIL;
  if (grant->is_grant) return NIL;
  for (auto *name : each<Node>(grant->objects)) {
    if (grant->targtype == ACL_TARGET_ALL_IN_SCHEMA || grant->objtype == OBJECT_SCHEMA)
      objects = add_object(objects, NamespaceRelationId, get_namespace_oid(strVal(name), true));
    else if (grant->objtype == OBJECT_FUNCTION || grant->objtype == OBJECT_PROCEDURE ||
             grant->objtype == OBJECT_ROUTINE)
      objects = add_named(objects, grant->objtype, name);
  }
  return objects;
}

// PostgreSQL drops a foreign key and makes it anew when a type of its columns is set, be it the same type. The
// dependency on it, which forbids that, is written again at the end of the command, if the key is there.
void let_go(Oid relation, const Bitmapset *columns) {
  for (const Oid table_oid : each_oid(list_append_unique_oid(referencing_tables(relation), relation))) {
    for (const auto *trigger : each<StoredTrigger>(stored_triggers(table_oid))) {
      if (trigger->kind == TriggerKind::child) forget_references(trigger->oid, relation, columns);
    }
  }
}

// The columns whose type a command sets.
void let_go_of_retyped(const Node *command) {
  if (!IsA(command, AlterTableStmt)) return;
  const auto *alter = reinterpret_cast<const AlterTableStmt *>(command);
  const Oid relation = RangeVarGetRelid(alter->relation, NoLock, true);
  if (!OidIsValid(relation)) return;
  Bitmapset *columns = nullptr;
  ListCell *cell;
  foreach (cell, alter->cmds) {
    const auto *one = lfirst_node(AlterTableCmd, cell);
    if (one->subtype != AT_AlterColumnType) continue;
    const AttrNumber attnum = get_attnum(relation, one->name);
    if (attnum > 0) columns = bms_add_member(columns, attnum);
  }
  if (columns != nullptr) let_go(relation, columns);
}

bool renames(const Node *command) {
  return IsA(command, RenameStmt) || IsA(command, AlterObjectSchemaStmt) || IsA(command, AlterEnumStmt);
}

void remember_dependents(Node *command) {
  List *triggers = NIL;
  ListCell *object;
  foreach (object, named_objects(command)) {
    const Dependents dependents = find_dependents(*static_cast<const ObjectAddress *>(lfirst(object)));
    triggers = list_concat_unique_oid(triggers, dependents.triggers);
  }
  MemoryContext context = memory();
  auto *entry = static_cast<Watched *>(MemoryContextAllocZero(context, sizeof(Watched)));
  *entry = {command, NIL, watched};
  watched = entry;
  for (const Oid oid : each_oid(triggers)) {
    CHECK_FOR_INTERRUPTS();
    const StoredTrigger *trigger = stored_trigger(oid);
    if (trigger == nullptr || OidIsValid(trigger->parent)) continue;
    if (trigger->kind != TriggerKind::child && trigger->kind != TriggerKind::parent) continue;
    MemoryContext caller = MemoryContextSwitchTo(context);
    entry->triggers = lappend(entry->triggers, remember(trigger));
    MemoryContextSwitchTo(caller);
  }
}

struct Renaming {
  const char *from;
  const char *to;
};

const char *renamed_text(Oid relid, const char *text, const Renaming &renaming) {
  if (!names_column(text, renaming.from)) return text;
  const char *after = text;
  const ErrorData *error = attempt([&] {
    Relation relation = relation_open(relid, AccessShareLock);
    after = renamed_expression(relation, text, renaming.from, renaming.to);
    relation_close(relation, AccessShareLock);
  });
  if (error != nullptr)
    error_broken(relid, psprintf("\"%s\" could not follow the rename: %s", text, error->message),
                 "Let the owner of the table be able to resolve it, or declare the tally without it first.");
  return after;
}

const ChildTerms *renamed_source(Oid relid, const StoredTrigger *trigger, const Renaming &renaming) {
  const ChildTerms *source = parse_child_arguments(trigger->arguments, trigger->narguments);
  if (const ChildTerms *after = child_renamed(source, renaming.from, renaming.to)) source = after;
  auto **expressions = palloc_array<const char *>(source->ncounters);
  for (int i = 0; i < source->ncounters; ++i)
    expressions[i] = renamed_text(relid, source->counters[i].expression, renaming);
  return with_expressions(source, expressions);
}

const ParentTerms *renamed_kept(Oid relid, const StoredTrigger *trigger, const Renaming &renaming) {
  const ParentTerms *kept = parse_parent_arguments(trigger->arguments, trigger->narguments);
  if (const ParentTerms *after = parent_renamed(kept, renaming.from, renaming.to)) kept = after;
  auto **conditions = palloc_array<const char *>(kept->ncompletions);
  for (int i = 0; i < kept->ncompletions; ++i) {
    const char *when = kept->completions[i].when;
    conditions[i] = when == nullptr ? nullptr : renamed_text(relid, when, renaming);
  }
  return with_conditions(kept, conditions);
}

// Contracts of the table itself, which the command has locked.
void rename_own(Oid relation, const Renaming &renaming) {
  for (const auto *trigger : each<StoredTrigger>(stored_triggers(relation))) {
    if (OidIsValid(trigger->parent)) continue;
    // A stranger's rename of what a tally names may write the same row of pg_trigger at the same time.
    const auto store = [&](const char *const *arguments, int narguments) {
      if (!same_arguments(arguments, narguments, trigger->arguments, trigger->narguments))
        store_arguments(trigger, arguments, narguments);
    };
    if (trigger->kind == TriggerKind::guard) {
      const GuardTerms *terms = parse_guard_arguments(CurrentMemoryContext, trigger->arguments, trigger->narguments);
      if (const GuardTerms *after = renamed(CurrentMemoryContext, terms, renaming.from, renaming.to))
        store(after->arguments, after->narguments);
    } else if (trigger->kind == TriggerKind::child) {
      const ChildTerms *after = renamed_source(relation, trigger, renaming);
      store(after->arguments, after->narguments);
    } else if (trigger->kind == TriggerKind::parent) {
      const ParentTerms *after = renamed_kept(relation, trigger, renaming);
      store(after->arguments, after->narguments);
    }
  }
}

// Tallies that count into the table. Their own tables are not locked: what is counted into which column stays the same.
void rename_counters(Oid parent, const Renaming &renaming) {
  for (const Oid oid : each_oid(referencing_tables(parent))) {
    for (const auto *trigger : each<StoredTrigger>(stored_triggers(oid))) {
      if (trigger->kind != TriggerKind::child || OidIsValid(trigger->parent)) continue;
      const ChildTerms *source = parse_child_arguments(trigger->arguments, trigger->narguments);
      if (!refers(oid, source->via, source->nvia, parent)) continue;
      if (const ChildTerms *after = parent_renamed(source, renaming.from, renaming.to))
        store_arguments(trigger, after->arguments, after->narguments);
    }
  }
}

}  // namespace

void follow_column_rename(const RenameStmt *rename) {
  const Oid relid = RangeVarGetRelid(rename->relation, NoLock, true);
  if (!OidIsValid(relid)) return;
  const Renaming renaming{rename->subname, rename->newname};
  for (const Oid oid : each_oid(find_all_inheritors(relid, NoLock, nullptr))) {
    CHECK_FOR_INTERRUPTS();
    rename_own(oid, renaming);
    rename_counters(oid, renaming);
    rename_spilled_column(oid, renaming.from, renaming.to);
  }
}

void forget_names() {
  watched = nullptr;
  in_memory = nullptr;
}

List *named_objects(Node *command) {
  if (IsA(command, RenameStmt)) return renamed_objects(reinterpret_cast<const RenameStmt *>(command));
  if (IsA(command, AlterObjectSchemaStmt))
    return moved_objects(reinterpret_cast<const AlterObjectSchemaStmt *>(command));
  if (IsA(command, GrantStmt)) return granted_objects(reinterpret_cast<const GrantStmt *>(command));
  if (IsA(command, AlterEnumStmt)) return add_type(NIL, reinterpret_cast<const AlterEnumStmt *>(command)->typeName);
  return NIL;
}

void remember_names(const EventTriggerData *event) {
  take_watched(event->parsetree);
  if (renames(event->parsetree)) attempt([&] { remember_dependents(event->parsetree); });
  if (IsA(event->parsetree, AlterTableStmt)) attempt([&] { let_go_of_retyped(event->parsetree); });
}

void follow_names(const EventTriggerData *event) {
  // Another command's tree may lie where that of one lay which failed.
  if (!renames(event->parsetree)) return;
  const Watched *entry = take_watched(event->parsetree);
  if (entry == nullptr) return;
  ListCell *cell;
  foreach (cell, entry->triggers) {
    CHECK_FOR_INTERRUPTS();
    attempt([&] { follow(static_cast<const Remembered *>(lfirst(cell))); });
  }
}

}  // namespace ratchet
