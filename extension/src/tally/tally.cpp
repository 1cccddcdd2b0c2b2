// tally/tally.cpp: reading tallies from triggers, and evaluating them on rows.
#include "pg/pg.h"

extern "C" {
#include "access/sysattr.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/partition.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

#include <algorithm>

#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/guarded_column.h"
#include "contract/resolved_contract.h"
#include "contract/stored_trigger.h"
#include "contract/structure.h"
#include "contract/times.h"
#include "pg/attempt.h"
#include "pg/fence.h"
#include "pg/foreign_key.h"
#include "pg/memory.h"
#include "pg/partition.h"
#include "tally/direct_flush.h"
#include "tally/expression.h"
#include "tally/fold_worker.h"
#include "tally/structure.h"
#include "tally/tally.h"

namespace ratchet {

namespace {

uint64 gave_up_in;  // the transaction in which something broken was last found to stay so

template <typename Item>
Item *array_of(int count) {
  return palloc0_array<Item>(count);
}

Form_pg_attribute attribute_of(Relation relation, AttrNumber attnum) {
  return TupleDescAttr(RelationGetDescr(relation), attnum - 1);
}

AttrNumber require_column(Relation relation, const char *name) {
  const AttrNumber attnum = get_attnum(RelationGetRelid(relation), name);
  if (attnum <= 0) error_no_column(sqlstate_unenforceable, relation, name);
  return attnum;
}

GuardedColumn column_of(Relation relation, AttrNumber attnum, const char *name) {
  const Form_pg_attribute attribute = attribute_of(relation, attnum);
  return {attnum, attribute->attlen, attribute->attbyval, name};
}

KeyColumn key_column(Relation relation, const char *name) {
  KeyColumn column{};
  column.attnum = require_column(relation, name);
  column.name = name;
  const Form_pg_attribute attribute = attribute_of(relation, column.attnum);
  column.type = attribute->atttypid;
  column.typlen = attribute->attlen;
  column.typbyval = attribute->attbyval;
  column.collation = attribute->attcollation;
  const TypeCacheEntry *type =
      lookup_type_cache(column.type, TYPECACHE_HASH_PROC | TYPECACHE_EQ_OPR | TYPECACHE_CMP_PROC);
  if (!OidIsValid(type->eq_opr) || !OidIsValid(type->cmp_proc))
    error_column_unfit(sqlstate_unenforceable, relation, name,
                       "column \"%s\" of relation \"%s\" has a type without a default order");
  fmgr_info(get_opcode(type->eq_opr), &column.equal);
  fmgr_info(type->cmp_proc, &column.compare);
  column.hashable = OidIsValid(type->hash_proc);
  if (column.hashable) fmgr_info(type->hash_proc, &column.hash);
  return column;
}

int place_of(const ParentTerms *terms, const char *counter) {
  for (int i = 0; i < terms->ncounters; ++i)
    if (strcmp(terms->counters[i], counter) == 0) return i;
  return -1;
}

// The columns of a relation that a text names.
Bitmapset *columns_named_in(Relation relation, const char *text) {
  Bitmapset *columns = nullptr;
  const TupleDesc tupdesc = RelationGetDescr(relation);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (!attribute->attisdropped && names_column(text, NameStr(attribute->attname)))
      columns = bms_add_member(columns, attribute->attnum - FirstLowInvalidHeapAttributeNumber);
  }
  return columns;
}

const char *fault_of(const ErrorData *error) {
  return error->detail != nullptr ? psprintf("%s: %s", error->message, error->detail) : error->message;
}

void resolve_total(Relation relation, const ParentTerms *terms, ParentCompletion *kept) {
  kept->total = require_column(relation, kept->terms->total);
  kept->total_type = attribute_of(relation, kept->total)->atttypid;
  kept->counter = place_of(terms, kept->terms->total_of);
  kept->reads = bms_make_singleton(kept->total - FirstLowInvalidHeapAttributeNumber);
}

// Names that somebody else has taken away fail the writes that need the condition, and no others.
void resolve_when(Relation relation, Counters *counters, ParentCompletion *kept) {
  const char *when = kept->terms->when;
  Expr *expression = nullptr;
  const ErrorData *error = attempt([&] {
    expression = parse_when(relation, when, sqlstate_unenforceable);
    pull_varattnos(reinterpret_cast<Node *>(expression), 1, &kept->reads);
    check_reads(relation, counters->terms, kept->reads, sqlstate_unenforceable);
  });
  kept->condition = counters->conditions.count++;
  if (error == nullptr) {
    counters->conditions.expressions[kept->condition] = expression;
    for (int place = -1; (place = bms_next_member(kept->reads, place)) >= 0;)
      counters->last_read =
          std::max(counters->last_read, static_cast<AttrNumber>(place + FirstLowInvalidHeapAttributeNumber));
    return;
  }
  kept->fault = fault_of(error);
  kept->reads = columns_named_in(relation, when);
  counters->broken = true;
}

ParentCompletion kept_completion(Relation relation, Counters *counters, const CompletionTerm *completion) {
  ParentCompletion kept{};
  kept.terms = completion;
  if (completion->when == nullptr)
    resolve_total(relation, counters->terms, &kept);
  else
    resolve_when(relation, counters, &kept);
  if (completion->done != nullptr) kept.done = require_column(relation, completion->done);
  if (completion->done_at != nullptr) {
    kept.done_at = require_column(relation, completion->done_at);
    kept.done_at_type = attribute_of(relation, kept.done_at)->atttypid;
    kept.done_at_typmod = attribute_of(relation, kept.done_at)->atttypmod;
    require_time_zone(relation, completion->time_zone);
  }
  return kept;
}

ParentBound bound_of(Relation relation, const BoundTerm &term) {
  ParentBound bound{};
  bound.given = term.given();
  if (term.column != nullptr) {
    bound.attnum = require_column(relation, term.column);
    bound.type = attribute_of(relation, bound.attnum)->atttypid;
  } else if (term.number != nullptr) {
    bound.type = NUMERICOID;
    bound.number =
        DirectFunctionCall3(numeric_in, CStringGetDatum(term.number), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
  }
  return bound;
}

void add_relevant(Counters *counters, AttrNumber attnum) {
  counters->relevant = bms_add_member(counters->relevant, attnum - FirstLowInvalidHeapAttributeNumber);
}

Oid find_root(Relation relation) { return find_topmost_ancestor(RelationGetRelid(relation)); }

// A partition's trigger is a clone of the root's, whose owner has declared it;
// one of the partition's own was made by hand, or came along when the table was attached.
void check_clone(Relation relation, const Trigger *trigger) {
  if (!relation->rd_rel->relispartition) return;
  // Its triggers run as the owner of the root, and it can disable ours.
  if (relation->rd_rel->relowner != require_owner(find_root(relation)))
    error_unenforceable(relation, "a partition has another owner than its partitioned table",
                        "ALTER TABLE ... OWNER TO the owner of the partitioned table.");
  if (trigger->tgisclone) return;
  error_unenforceable(
      relation, psprintf("trigger \"%s\" of a partition does not come from its partitioned table", trigger->tgname),
      "Drop the trigger; tallies are declared on the topmost partitioned table.");
}

// After a restart what lies spilled has no worker, until somebody comes by.
void call_for_spilled(const Counters *counters) {
  if (counters->spill == nullptr || RecoveryInProgress()) return;
  Relation table = table_open(counters->spill->relation, AccessShareLock);
  const bool filled = RelationGetNumberOfBlocks(table) > 0;
  table_close(table, AccessShareLock);
  if (filled) call_fold_worker(counters->owner);
}

Cached *build_counters(Relation relation, const Trigger *trigger) {
  check_clone(relation, trigger);
  auto *counters = array_of<Counters>(1);
  counters->terms = parse_parent_trigger(relation, trigger);
  const ParentTerms *terms = counters->terms;
  check_kept(relation, terms, sqlstate_unenforceable);
  counters->root = find_root(relation);
  counters->owner = require_owner(counters->root);
  counters->tracked = track(TrackedKind::parent, counters->root);

  counters->nkey = terms->nkey;
  counters->key = array_of<KeyColumn>(terms->nkey);
  for (int i = 0; i < terms->nkey; ++i) {
    counters->key[i] = key_column(relation, terms->key[i]);
    add_relevant(counters, counters->key[i].attnum);
  }
  counters->ncounters = terms->ncounters;
  counters->counters = array_of<ParentCounter>(terms->ncounters);
  for (int i = 0; i < terms->ncounters; ++i) {
    const AttrNumber attnum = require_column(relation, terms->counters[i]);
    const Form_pg_attribute attribute = attribute_of(relation, attnum);
    counters->counters[i] = {attnum, terms->counters[i], attribute->atttypid, attribute->atttypmod};
  }
  counters->ncompletions = terms->ncompletions;
  counters->completions = array_of<ParentCompletion>(terms->ncompletions);
  counters->conditions.expressions = array_of<Expr *>(terms->ncompletions);
  for (int i = 0; i < terms->ncompletions; ++i) {
    const CompletionTerm *completion = &terms->completions[i];
    counters->completions[i] = kept_completion(relation, counters, completion);
    counters->relevant = bms_add_members(counters->relevant, counters->completions[i].reads);
    counters->told = counters->told || completion->on_done != nullptr || completion->notify;
  }
  counters->nlimits = terms->nlimits;
  counters->limits = array_of<ParentLimit>(terms->nlimits);
  for (int i = 0; i < terms->nlimits; ++i) {
    const LimitTerm *limit = &terms->limits[i];
    counters->limits[i] = {limit, place_of(terms, limit->counter), bound_of(relation, limit->max),
                           bound_of(relation, limit->min)};
    for (const AttrNumber attnum : {counters->limits[i].max.attnum, counters->limits[i].min.attnum})
      if (attnum != InvalidAttrNumber) add_relevant(counters, attnum);
  }
  counters->nguarded = terms->nguarded;
  counters->guarded = array_of<GuardedColumn>(terms->nguarded);
  for (int i = 0; i < terms->nguarded; ++i) {
    counters->guarded[i] = column_of(relation, require_column(relation, terms->guarded[i]), terms->guarded[i]);
    add_relevant(counters, counters->guarded[i].attnum);
  }
  counters->is_child = find_trigger(relation, TriggerKind::child) != nullptr;
  counters->no_foreign_before_update = !has_foreign_before_update(relation);
  counters->guard = find_trigger(relation, TriggerKind::guard);
  check_counters_structure(relation);
  find_direct(relation, counters);
  if (!terms->spills) return counters;
  // Whatever is wrong with it may be put right.
  const Oid spilled = find_spill_table(counters->root);
  counters->spill = resolve_spill_table(counters, spilled, &counters->spill_fault);
  counters->spill_hidden = counters->spill == nullptr && OidIsValid(spilled);
  // A shard may have its contract before its node has heard of the shards of the table of spilled counts: then that
  // table's trigger is still to come, and has the node look again at the parent as it knows it.
  counters->other = OidIsValid(spilled) ? spilled : table_of_shard(counters->root);
  call_for_spilled(counters);
  return counters;
}

// Whether values of the one type are values of the other as they are.
bool is_same_representation(Oid from, Oid to) {
  return getBaseType(from) == getBaseType(to) || IsBinaryCoercible(getBaseType(from), getBaseType(to));
}

Counted counted_of(Relation child, const CounterTerm &term) {
  Counted counted{};
  counted.column = term.column;
  counted.sum = term.sum;
  Expr *expression = nullptr;
  // Names that somebody else has taken away fail the writes that need the count, and no others.
  const ErrorData *error =
      attempt([&] { expression = parse_expression(child, term.expression, term.sum, sqlstate_unenforceable); });
  if (error != nullptr) {
    counted.form = Form::expression;
    counted.fault = fault_of(error);
    counted.type = INT8OID;
    return counted;
  }
  counted.type = exprType(reinterpret_cast<Node *>(expression));
  if (IsA(expression, Const) && !term.sum && !reinterpret_cast<Const *>(expression)->constisnull &&
      DatumGetBool(reinterpret_cast<Const *>(expression)->constvalue)) {
    counted.form = Form::every;
  } else if (IsA(expression, Var)) {
    counted.form = Form::column;
    counted.attnum = reinterpret_cast<Var *>(expression)->varattno;
  } else {
    counted.form = Form::expression;
    counted.expression = expression;
  }
  return counted;
}

void note_used(Tally *tally, Relation child) {
  Bitmapset *used = nullptr;
  for (int i = 0; i < tally->nkey; ++i)
    used = bms_add_member(used, tally->key[i].attnum - FirstLowInvalidHeapAttributeNumber);
  for (int i = 0; i < tally->ncounted; ++i) {
    if (tally->counted[i].form == Form::column)
      used = bms_add_member(used, tally->counted[i].attnum - FirstLowInvalidHeapAttributeNumber);
    else if (tally->counted[i].fault != nullptr)
      used = bms_add_members(used, columns_named_in(child, tally->terms->counters[i].expression));
    else if (tally->counted[i].form == Form::expression)
      pull_varattnos(reinterpret_cast<Node *>(tally->counted[i].expression), 1, &used);
  }
  tally->used = array_of<GuardedColumn>(bms_num_members(used));
  for (int place = -1; (place = bms_next_member(used, place)) >= 0;) {
    const auto attnum = static_cast<AttrNumber>(place + FirstLowInvalidHeapAttributeNumber);
    tally->used[tally->nused++] = column_of(child, attnum, nullptr);
    tally->last_used = std::max(tally->last_used, attnum);
  }
}

// The foreign key of a tally; the one place that leads from a child and a
// contract to the parent.
const ForeignKeyCacheInfo *find_reference(Relation child, const ChildTerms *terms) {
  auto *via = array_of<AttrNumber>(terms->nvia);
  for (int i = 0; i < terms->nvia; ++i) via[i] = require_column(child, terms->via[i]);
  List *found = references(child, via, terms->nvia, InvalidOid);
  if (found == NIL)
    error_unenforceable(child, "the foreign key of the tally does not exist",
                        "Restore the foreign key, or remove the tally with ratchet.untally().");
  if (!lead_to_one(found))
    error_unenforceable(child, "several foreign keys with different targets are over the columns of the tally",
                        "Drop all of them but one.");
  return static_cast<const ForeignKeyCacheInfo *>(linitial(found));
}

Cached *build_tally(Relation relation, const Trigger *trigger) {
  check_clone(relation, trigger);
  auto *tally = array_of<Tally>(1);
  tally->terms = parse_child_trigger(relation, trigger);
  tally->root = find_root(relation);
  const ForeignKeyCacheInfo *reference = find_reference(relation, tally->terms);
  tally->other = reference->confrelid;

  Relation parent = table_open(tally->other, AccessShareLock);
  const Counters *counters = require_counters(parent);
  tally->nkey = reference->nkeys;
  tally->key = array_of<ReferenceColumn>(tally->nkey);
  bool same_key = counters->nkey == reference->nkeys;
  for (int i = 0; same_key && i < counters->nkey; ++i) {
    int place = 0;
    while (place < reference->nkeys && reference->confkey[place] != counters->key[i].attnum) ++place;
    same_key = place < reference->nkeys;
    if (same_key)
      tally->key[i] = {reference->conkey[place], make_key_cast(relation, reference->conkey[place],
                                                               counters->key[i].type, sqlstate_unenforceable)};
  }
  if (!same_key)
    error_unenforceable(relation, "the foreign key of the tally references another key than the tally",
                        "Declare the tally again with ratchet.tally(..., replace => true).");
  tally->tracked = track(TrackedKind::tally, tally->root, counters->root);
  table_close(parent, NoLock);

  tally->ncounted = tally->terms->ncounters;
  tally->counted = array_of<Counted>(tally->ncounted);
  tally->places = array_of<int>(tally->ncounted);
  for (int i = 0; i < tally->ncounted; ++i) tally->counted[i] = counted_of(relation, tally->terms->counters[i]);
  for (int i = 0; i < tally->ncounted; ++i) tally->broken = tally->broken || tally->counted[i].fault != nullptr;
  tally->compiled.count = tally->ncounted + tally->nkey;
  tally->compiled.expressions = array_of<Expr *>(tally->compiled.count);
  for (int i = 0; i < tally->ncounted; ++i) tally->compiled.expressions[i] = tally->counted[i].expression;
  for (int i = 0; i < tally->nkey; ++i) tally->compiled.expressions[tally->ncounted + i] = tally->key[i].cast;
  note_used(tally, relation);
  return tally;
}

}  // namespace

Expr *make_key_cast(Relation child, AttrNumber attnum, Oid parent_type, int sqlstate) {
  const Form_pg_attribute attribute = attribute_of(child, attnum);
  if (is_same_representation(attribute->atttypid, parent_type)) return nullptr;
  Node *var = reinterpret_cast<Node *>(
      makeVar(1, attnum, attribute->atttypid, attribute->atttypmod, attribute->attcollation, 0));
  Node *cast = coerce_to_target_type(nullptr, var, attribute->atttypid, getBaseType(parent_type), -1,
                                     COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
  if (cast == nullptr)
    error_column_unfit(
        sqlstate, child, NameStr(attribute->attname),
        "column \"%s\" of relation \"%s\" cannot be converted to the type of the column that it references");
  // A row that is added under one setting would be taken away from another parent's count under another.
  if (contain_mutable_functions(cast))
    error_column_unfit(sqlstate, child, NameStr(attribute->attname),
                       "column \"%s\" of relation \"%s\" cannot be the reference of a tally: its conversion to type %s "
                       "depends on settings",
                       format_type_be(parent_type));
  // It is evaluated for each row, as whoever writes it; a referential check runs it as the table's owner.
  if (calls_users_function(cast))
    error_column_unfit(sqlstate, child, NameStr(attribute->attname),
                       "column \"%s\" of relation \"%s\" cannot be the reference of a tally: its conversion to type %s "
                       "is a user's function",
                       format_type_be(parent_type));
  return expression_planner(reinterpret_cast<Expr *>(cast));
}

void check_owner(Oid child, const Counters *counters) {
  if (require_owner(child) == counters->owner) return;
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("tally of relation \"%s\" cannot be kept", get_rel_name(child)),
          errdetail("The table and its parent \"%s\" have different owners.", get_rel_name(counters->root)),
          errhint("Give both the same owner, or remove the tally with ratchet.untally()."));
}

// What it could not resolve may be there again, of which not everything tells the cache. So it is looked for once a
// transaction, and waited for as long as nothing was found to stay broken.
template <typename Object, typename Load>
static Object *looked_at_again(Object *object, Load &&load) {
  if (object == nullptr || !object->broken || object->looked_at_in == current_transaction()) return object;
  int waits = 0;
  do {
    object->valid = false;
    object = static_cast<Object *>(load());
  } while (object->broken && gave_up_in != current_transaction() && await_invalidations(waits++));
  if (object->broken) gave_up_in = current_transaction();
  object->looked_at_in = current_transaction();
  return object;
}

Tally *load_tally(Relation relation, const Trigger *trigger) {
  const auto load = [&] { return cached(relation, trigger, TriggerKind::child, build_tally); };
  return looked_at_again(static_cast<Tally *>(load()), load);
}

Counters *load_counters(Relation relation, const Trigger *trigger) {
  const auto load = [&] { return cached(relation, trigger, TriggerKind::parent, build_counters); };
  return looked_at_again(static_cast<Counters *>(load()), load);
}

static CachedTrigger find_cached_counters(Relation relation) {
  const auto load = [&] { return find_cached(relation, TriggerKind::parent, build_counters).object; };
  CachedTrigger found = find_cached(relation, TriggerKind::parent, build_counters);
  found.object = looked_at_again(static_cast<Counters *>(found.object), load);
  return found;
}

Counters *find_counters(Relation relation) { return static_cast<Counters *>(find_cached_counters(relation).object); }

Counters *require_counters(Relation parent) {
  const CachedTrigger found = find_cached_counters(parent);
  if (!found.exists)
    error_unenforceable(parent, "trigger \"~ratchet_counters\" is missing",
                        "Declare the tallies of the table again with ratchet.tally().");
  if (found.object == nullptr)
    error_unenforceable(parent, "trigger \"~ratchet_counters\" is disabled",
                        "Enable it with ALTER TABLE ... ENABLE TRIGGER \"~ratchet_counters\".");
  return static_cast<Counters *>(found.object);
}

Counters *resolve(Tally *tally) {
  if (tally->resolved_at == cache_generation()) return tally->counters;
  const uint64 looked_at = cache_generation();
  Relation parent = table_open(tally->other, AccessShareLock);
  Counters *counters = require_counters(parent);
  check_owner(tally->root, counters);
  for (int i = 0; i < tally->ncounted; ++i) {
    tally->places[i] = place_of(counters->terms, tally->counted[i].column);
    if (tally->places[i] < 0)
      error_unenforceable(parent, psprintf("counter \"%s\" is not kept", tally->counted[i].column),
                          "Declare the tally again with ratchet.tally(..., replace => true).");
  }
  table_close(parent, NoLock);
  tally->counters = counters;
  // One that is broken is built anew in the next transaction, and nothing says so.
  tally->resolved_at = counters->broken ? 0 : looked_at;
  return counters;
}

void lock_parent(Tally *tally) {
  if (tally->locked_in == current_epoch()) return;
  LockRelationOid(tally->other, RowExclusiveLock);
  tally->locked_in = current_epoch();
}

bool evaluate_key(Tally *tally, TupleTableSlot *row, Datum *key) {
  for (int i = 0; i < tally->nkey; ++i) {
    bool isnull;
    key[i] = slot_getattr(row, tally->key[i].attnum, &isnull);
    if (isnull) return false;
    if (tally->key[i].cast == nullptr) continue;
    key[i] = evaluate(&tally->compiled, tally->ncounted + i, row, &isnull);
  }
  return true;
}

Datum evaluate_counted(Tally *tally, int place, TupleTableSlot *row, bool *isnull) {
  const Counted &counted = tally->counted[place];
  switch (counted.form) {
    case Form::every:
      *isnull = false;
      return BoolGetDatum(true);
    case Form::column:
      return slot_getattr(row, counted.attnum, isnull);
    case Form::expression:
      break;
  }
  if (counted.fault != nullptr)
    error_broken(tally->root,
                 psprintf("what is counted into \"%s\" cannot be resolved: %s", counted.column, counted.fault),
                 "Give the owner of the table back what it names, or declare the tally without it.");
  return evaluate(&tally->compiled, place, row, isnull);
}

}  // namespace ratchet
