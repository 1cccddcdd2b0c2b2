// guard/guard_trigger.cpp: the BEFORE UPDATE row trigger, the heart of a guard contract.
//
// It fires last of the BEFORE UPDATE row triggers (its name sorts last, and
// guard/structure.cpp refuses what would sort after it), so what it returns is what
// is stored. Under READ COMMITTED the executor has locked the newest version
// of the row before it calls triggers, so OLD is current; NEW may have been
// computed by the client from an image read long ago. Therefore only OLD
// decides what the row has committed to. Under REPEATABLE READ a row that
// changed since the snapshot fails with 40001 before any trigger is called.
//
// Where tallies count for the table, what follows from its columns must follow from
// those that are stored: a total that is kept completes nothing. So the guard
// judges first and then has the counters kept and completions decided
// (tally/parent_trigger.cpp), whose own trigger, which fires before it, stands aside.
#include "pg/pg.h"

extern "C" {
#include "access/sysattr.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
}

#include "activity/wait.h"
#include "contract/errors.h"
#include "contract/guarded_column.h"
#include "contract/kept_notice.h"
#include "contract/permission.h"
#include "contract/report_row.h"
#include "contract/structure.h"
#include "contract/values.h"
#include "guard/guard_trigger.h"
#include "guard/move.h"
#include "guard/policy.h"
#include "guard/structure.h"
#include "guard/suspend.h"
#include "pg/fence.h"
#include "pg/memory.h"
#include "pg/row_value.h"
#include "pg/trigger_call.h"
#include "tally/parent_trigger.h"

namespace ratchet {

namespace {

bool differs(const TriggerData *trigger, const GuardedColumn &column) {
  const Value old_value = value_of(trigger->tg_trigslot, column.attnum);
  const Value new_value = value_of(trigger->tg_newslot, column.attnum);
  return !same_image(old_value.datum, old_value.isnull, new_value.datum, new_value.isnull, column.typbyval,
                     column.typlen);
}

bool attribute_differs(const TriggerData *trigger, AttrNumber attnum) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(trigger->tg_relation), attnum - 1);
  return differs(trigger, {attnum, attribute->attlen, attribute->attbyval, nullptr});
}

// Whether a column of the row is another one than in OLD.
bool differs_in(const TriggerData *trigger, HeapTuple row, AttrNumber attnum) {
  const TupleDesc tupdesc = RelationGetDescr(trigger->tg_relation);
  const Form_pg_attribute attribute = TupleDescAttr(tupdesc, attnum - 1);
  const Value before = value_of(trigger->tg_trigslot, attnum);
  bool isnull;
  const Datum after = heap_getattr(row, attnum, tupdesc, &isnull);
  return !same_image(before.datum, before.isnull, after, isnull, attribute->attbyval, attribute->attlen);
}

bool is_closed(const GuardContract *contract, TupleTableSlot *slot) {
  if (contract->gate == InvalidAttrNumber) return false;
  const Value gate = value_of(slot, contract->gate);
  return gate_is_closed(contract, gate.datum, gate.isnull);
}

// Places in contract->guarded whose image the update changes.
Bitmapset *changed_columns(const TriggerData *trigger, const GuardContract *contract) {
  // Both tuples are taken apart once, as far as the last guarded column.
  slot_getsomeattrs(trigger->tg_trigslot, contract->last_guarded);
  slot_getsomeattrs(trigger->tg_newslot, contract->last_guarded);
  Bitmapset *changed = nullptr;
  for (int place = 0; place < contract->nguarded; ++place)
    if (differs(trigger, contract->guarded[place])) changed = bms_add_member(changed, place);
  return changed;
}

// The row with the given guarded columns as they are in OLD.
HeapTuple with_kept(const TriggerData *trigger, const GuardContract *contract, HeapTuple row, const Bitmapset *kept) {
  if (kept == nullptr) return row;
  const int most = bms_num_members(kept);
  auto *attnums = palloc_array<int>(most);
  auto *values = palloc_array<Datum>(most);
  auto *nulls = palloc_array<bool>(most);
  int count = 0;
  for (int place = -1; (place = bms_next_member(kept, place)) >= 0; ++count) {
    attnums[count] = contract->guarded[place].attnum;
    const Value old_value = value_of(trigger->tg_trigslot, contract->guarded[place].attnum);
    values[count] = old_value.datum;
    nulls[count] = old_value.isnull;
  }
  return heap_modify_tuple_by_cols(row, RelationGetDescr(trigger->tg_relation), count, attnums, values, nulls);
}

// Tells the writer, or the log, and those who watch the contract. sqlstate: with which the write would have been
// rejected, where that was only observed.
void tell(const TriggerData *trigger, const GuardContract *contract, const Bitmapset *columns, Told told,
          int sqlstate = 0) {
  if (bms_is_empty(columns)) return;
  note_row(trigger, contract->root, contract->guarded, columns, told, sqlstate);
  report_row(contract->tracked, told == Told::observed ? Event::observed : Event::kept, contract->guarded, columns,
             trigger, sqlstate);
}

// Tells of what only was observed as it would be without `mode`, which is the next step: a write of which one column is
// rejected fails for that one. counts: it is a flush or recount, which no policy fails.
void tell_observed(const TriggerData *trigger, const GuardContract *contract, const Bitmapset *columns, bool counts) {
  Bitmapset *rejected = nullptr;
  int sqlstate = 0;
  for (int place = -1; !counts && (place = bms_next_member(columns, place)) >= 0;) {
    const int refused = contract->version != InvalidAttrNumber && place == contract->version_place
                            ? sqlstate_stale
                            : sqlstate_by_default(refusal_of(trigger, contract, place));
    if (refused == 0 || (sqlstate != 0 && refused != sqlstate)) continue;
    sqlstate = refused;
    rejected = bms_add_member(rejected, place);
  }
  if (rejected != nullptr)
    tell(trigger, contract, rejected, Told::observed, sqlstate);
  else
    tell(trigger, contract, columns, Told::observed);
}

constexpr int gate_place = 0;  // in contract->guarded, if there is a gate

// Of a plain write whose change of the gate, or whatever the first guarded column is, will be stored.
void report_closing(const TriggerData *trigger, const GuardContract *contract) {
  if (is_closed(contract, trigger->tg_trigslot) || !is_closed(contract, trigger->tg_newslot)) return;
  report(contract->tracked, Event::closed, 1, NIL, [&](Description *told) {
    told->key = key_of_row(trigger);
    if (contract->actor == InvalidAttrNumber) return;
    const Value actor = value_of(trigger->tg_newslot, contract->actor);
    if (!actor.isnull) told->actor = OutputFunctionCall(const_cast<FmgrInfo *>(&contract->actor_output), actor.datum);
  });
}

// The row as a table that is counted for stores it. writer: the permission of the statement, whatever its verb.
HeapTuple with_counters(const TriggerData *trigger, const GuardContract *contract, Permission *writer, HeapTuple row) {
  return contract->is_parent ? keep_counters(trigger, writer, row) : row;
}

[[noreturn]] void error_changed_meanwhile(Relation relation) {
  error_unenforceable(relation, "the contract or a column was changed while the row was written",
                      "Do not alter the table in triggers of its updates.");
}

bool is_among(const char *name, const GuardContract *contract, const Bitmapset *columns) {
  for (int place = -1; (place = bms_next_member(columns, place)) >= 0;)
    if (strcmp(contract->guarded[place].name, name) == 0) return true;
  return false;
}

// Tells a verb what became of its patch: which columns were kept, which will
// change. An update of which nothing is left is left out, so that it neither
// writes a row version nor touches an updated_at column. row: what is to be
// stored, but for the version; what the counters have kept is noted already.
void answer(Permission *permission, const TriggerData *trigger, const GuardContract *contract, const Bitmapset *kept,
            HeapTuple row) {
  MemoryContext caller = MemoryContextSwitchTo(permission->memory);
  for (int i = 0; i < permission->npatched; ++i) {
    const char *name = permission->patched[i];
    const AttrNumber attnum = get_attnum(contract->relation, name);
    if (attnum <= 0) error_changed_meanwhile(trigger->tg_relation);
    if (bms_is_member(i, permission->hidden))
      permission->changed = bms_add_member(permission->changed, i);
    else if (is_among(name, contract, kept))
      permission->kept = bms_add_member(permission->kept, i);
    else if (!bms_is_member(i, permission->kept) && differs_in(trigger, row, attnum))
      permission->changed = bms_add_member(permission->changed, i);
  }
  permission->judged = true;
  if (permission->verb == Verb::update || permission->verb == Verb::amend)
    permission->left_out = permission->changed == nullptr;
  MemoryContextSwitchTo(caller);
}

// Leaves the verb's update out; which flag says why.
HeapTuple leave_out(Permission *permission) {
  permission->judged = permission->left_out = true;
  return nullptr;
}

// Which of the changed guarded columns this writer must not change, by what becomes of them.
struct Verdict {
  Bitmapset *kept;      // put back
  Bitmapset *observed;  // let through, and told of
  Bitmapset *silent;    // put back, and not told of
};

// Whether the update may set columns that belong to the closing of the gate.
bool may_set_owned(const TriggerData *trigger, const GuardContract *contract, int place, const Permission *permission) {
  if (permission != nullptr && permission->verb == Verb::submit) return true;
  if (permission != nullptr && permission->verb == Verb::advance && contract->gate == InvalidAttrNumber &&
      contract->guarded[place].attnum == contract->idempotency_key)
    return true;
  return contract->terms->gate_by == core::GateBy::any && contract->gate != InvalidAttrNumber &&
         !is_closed(contract, trigger->tg_trigslot) && is_closed(contract, trigger->tg_newslot);
}

// A heartbeat that waited for the row comes after one that did not: the last one wins, and nobody need be told.
bool is_late_heartbeat(const GuardContract *contract, int place, const Permission *permission) {
  return permission != nullptr && (permission->verb == Verb::beat || permission->verb == Verb::advance) &&
         contract->guarded[place].attnum == contract->heartbeat;
}

// What becomes of a forbidden change. Under a flush only a trigger can have made it, and whoever commits a counted row
// can do nothing about that: the counts are stored, the column keeps its value, and he is told.
core::Mode mode_under(bool counts, core::Mode mode) {
  return counts && mode == core::Mode::reject ? core::Mode::keep : mode;
}

// counts: the statement is a flush's or a recount's.
Verdict verdict_of(const TriggerData *trigger, const GuardContract *contract, Bitmapset *changed,
                   const Permission *permission, bool counts) {
  Verdict verdict{};
  if (changed == nullptr || (permission != nullptr && permission->verb == Verb::amend)) return verdict;
  Bitmapset *explained = nullptr;
  bool asked = false;
  for (int place = -1; (place = bms_next_member(changed, place)) >= 0;) {
    const Refusal refusal = refusal_of(trigger, contract, place);
    if (refusal == Refusal::none) continue;
    if (refusal == Refusal::owned && may_set_owned(trigger, contract, place, permission)) continue;
    if (is_late_heartbeat(contract, place, permission)) {
      verdict.silent = bms_add_member(verdict.silent, place);
      continue;
    }
    if (!asked) explained = referential_changes(trigger, contract, changed);
    asked = true;
    if (bms_is_member(place, explained)) continue;
    switch (mode_under(counts, mode_of(contract, refusal))) {
      case core::Mode::reject:
        error_refused(trigger, contract, place, refusal);
      case core::Mode::keep:
        verdict.kept = bms_add_member(verdict.kept, place);
        break;
      case core::Mode::observe:
        verdict.observed = bms_add_member(verdict.observed, place);
        break;
    }
  }
  return verdict;
}

int64 read_integer(Oid type, const Value &value) {
  if (value.isnull) return 0;
  return type == INT8OID   ? DatumGetInt64(value.datum)
         : type == INT4OID ? DatumGetInt32(value.datum)
                           : DatumGetInt16(value.datum);
}

// Whether the writer knows the row as it is: it leaves the version alone, or has counted it up by one itself.
bool brings_current_version(const TriggerData *trigger, const GuardContract *contract) {
  const Value from = value_of(trigger->tg_trigslot, contract->version);
  const Value to = value_of(trigger->tg_newslot, contract->version);
  if (from.isnull) return true;
  if (to.isnull) return false;
  const int64 before = read_integer(contract->version_type, from);
  const int64 after = read_integer(contract->version_type, to);
  return after == before || (before < PG_INT64_MAX && after == before + 1);
}

Datum next_version(const TriggerData *trigger, const GuardContract *contract) {
  const int64 before = read_integer(contract->version_type, value_of(trigger->tg_trigslot, contract->version));
  const Oid type = contract->version_type;
  const int64 most = type == INT8OID ? PG_INT64_MAX : type == INT4OID ? PG_INT32_MAX : PG_INT16_MAX;
  if (before >= most)
    ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
            errmsg("version \"%s\" is out of range", contract->terms->version));
  return type == INT8OID   ? Int64GetDatum(before + 1)
         : type == INT4OID ? Int32GetDatum(static_cast<int32>(before + 1))
                           : Int16GetDatum(static_cast<int16>(before + 1));
}

// The row with the next version.
HeapTuple with_next_version(const TriggerData *trigger, const GuardContract *contract, HeapTuple row) {
  int attnum = contract->version;
  Datum version = next_version(trigger, contract);
  bool isnull = false;
  // As an assignment would: a domain may allow less than its base type.
  const Oid type = TupleDescAttr(RelationGetDescr(trigger->tg_relation), attnum - 1)->atttypid;
  if (type != contract->version_type) domain_check(version, isnull, type, nullptr, nullptr);
  return heap_modify_tuple_by_cols(row, RelationGetDescr(trigger->tg_relation), 1, &attnum, &version, &isnull);
}

// Whether a row changes in nothing that the version counts. That the writer has counted it up himself is such a thing:
// he goes by the number that he has written. Generated columns follow others.
bool changes_only_ignored(const TriggerData *trigger, const GuardContract *contract, const Permission *permission,
                          HeapTuple row) {
  if (contract->ignored == nullptr || attribute_differs(trigger, contract->version)) return false;
  const TupleDesc tupdesc = RelationGetDescr(trigger->tg_relation);
  const bool beats = permission != nullptr && permission->verb == Verb::beat;
  auto *values = palloc_array<Datum>(tupdesc->natts);
  auto *nulls = palloc_array<bool>(tupdesc->natts);
  heap_deform_tuple(row, tupdesc, values, nulls);
  slot_getallattrs(trigger->tg_trigslot);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    const AttrNumber attnum = attribute->attnum;
    if (attribute->attisdropped || attribute->attgenerated != '\0' || bms_is_member(attnum, contract->ignored))
      continue;
    if (attnum == contract->version || (beats && attnum == contract->heartbeat)) continue;
    const Value before = value_of(trigger->tg_trigslot, attnum);
    if (!same_image(before.datum, before.isnull, values[i], nulls[i], attribute->attbyval, attribute->attlen))
      return false;
  }
  return true;
}

const char *state_text(const StateColumn *column, const Value &value) {
  return value.isnull ? nullptr : text_of_value(column->type, value.datum);
}

// Whether advance() has stored the same idempotency key in this row before. A call without a key leaves the column
// alone; then both images are the same and must not count as a repetition.
bool is_repetition(const TriggerData *trigger, const GuardContract *contract, const Permission *permission) {
  return permission->verb == Verb::advance && permission->replayed && contract->idempotency_key != InvalidAttrNumber &&
         !slot_attisnull(trigger->tg_trigslot, contract->idempotency_key) &&
         !attribute_differs(trigger, contract->idempotency_key);
}

// Tells advance() which state the row is in that it leaves as it is.
void tell_state(const TriggerData *trigger, const GuardContract *contract, Permission *permission) {
  const StateColumn *column = find_state_column(contract, permission->state);
  if (column == nullptr) error_changed_meanwhile(trigger->tg_relation);
  MemoryContext caller = MemoryContextSwitchTo(permission->memory);
  permission->was = permission->is = state_text(column, value_of(trigger->tg_trigslot, column->attnum));
  MemoryContextSwitchTo(caller);
}

// Whether advance()'s move is to be made; otherwise says why not.
bool moves(const TriggerData *trigger, const GuardContract *contract, Permission *permission) {
  const StateColumn *column = find_state_column(contract, permission->state);
  if (column == nullptr) error_changed_meanwhile(trigger->tg_relation);
  const Value from = value_of(trigger->tg_trigslot, column->attnum);
  const Value to = value_of(trigger->tg_newslot, column->attnum);
  if (to.isnull || strcmp(state_text(column, to), permission->target) != 0)
    error_unenforceable(trigger->tg_relation, "a trigger changes the state that ratchet.advance() sets",
                        "Let the trigger leave the state column alone.");
  MemoryContext caller = MemoryContextSwitchTo(permission->memory);
  permission->was = state_text(column, from);
  permission->is = state_text(column, to);
  MemoryContextSwitchTo(caller);
  permission->replayed = is_repetition(trigger, contract, permission);
  if (!permission->replayed && !permission->only_replays) {
    permission->already_there =
        same_image(from.datum, from.isnull, to.datum, to.isnull, column->typbyval, column->typlen);
    permission->refused = !permission->already_there && !may_move(column, from, to);
    if (!permission->already_there && !permission->refused) return true;
  }
  permission->is = permission->was;
  return false;
}

// Whether the row that will be stored belongs somewhere else than OLD.
bool changes_partition_key(const TriggerData *trigger, const GuardContract *contract, HeapTuple row) {
  for (int attnum = -1; (attnum = bms_next_member(contract->partition_key, attnum)) >= 0;)
    if (differs_in(trigger, row, static_cast<AttrNumber>(attnum))) return true;
  return false;
}

// Whether the statement sets no guarded column and no other BEFORE trigger could
// have: then the tuples need not be taken apart. A caller of the trigger
// manager that does not tell its columns gets no such credit.
bool sets_nothing_guarded(const TriggerData *trigger, const GuardContract *contract) {
  return contract->new_is_stored && trigger->tg_updatedcols != nullptr &&
         !bms_overlap(trigger->tg_updatedcols, contract->guarded_set);
}

// Whether what a verb wants is there to be done, whatever the policies say of the rest of its patch; the permission is
// told why not. A suspended contract refuses no move.
bool is_to_be_done(const TriggerData *trigger, const GuardContract *contract, Permission *permission, bool suspended) {
  if (permission->verb == Verb::beat) {
    permission->finished = !is_alive(contract, trigger->tg_trigslot);
    return !permission->finished;
  }
  if (permission->verb != Verb::advance || moves(trigger, contract, permission)) return true;
  if (!suspended || !permission->refused) return false;
  permission->refused = false;
  permission->is = permission->target;
  return true;
}

// Judges the version that a write brings; false: it is stale, and the verb is to be left out and told.
bool check_version(const TriggerData *trigger, const GuardContract *contract, Permission *permission, bool counts,
                   Verdict *verdict) {
  if (permission != nullptr && permission->verb == Verb::amend) return true;
  if (brings_current_version(trigger, contract)) return true;
  // A flush counts no version up, which would set right what a trigger has written there.
  if (counts) verdict->silent = bms_add_member(verdict->silent, contract->version_place);
  switch (mode_under(counts, contract->terms->modes.version)) {
    case core::Mode::reject:
      if (permission == nullptr) {
        report_row(contract->tracked, Event::rejected, contract->guarded, bms_make_singleton(contract->version_place),
                   trigger, sqlstate_stale);
        error_stale_version(trigger->tg_relation, contract->terms->version);
      }
      permission->stale = contract->terms->version;
      return false;
    case core::Mode::keep:
      verdict->kept = bms_add_member(verdict->kept, contract->version_place);
      break;
    case core::Mode::observe:
      verdict->observed = bms_add_member(verdict->observed, contract->version_place);
      break;
  }
  return true;
}

// Whether the write is late: it brings a smaller fence than the row has, and not as a foreign key's own action, which
// knows nothing of workers and events. Valid only if the contract has a fence.
bool is_late(const TriggerData *trigger, const GuardContract *contract, const Permission *permission) {
  if (permission != nullptr && (permission->verb == Verb::amend || is_repetition(trigger, contract, permission)))
    return false;
  return differs(trigger, contract->guarded[contract->fence_place]) && lowers_fence(trigger, contract) &&
         !bms_is_member(contract->fence_place,
                        referential_changes(trigger, contract, changed_columns(trigger, contract)));
}

// What becomes of a late write; false: it goes on. Whoever has taken the row over, or the later event, has written the
// row already, so that nothing in this write says anything of the row as it is: it is not judged column by column,
// which would mix the two. row: what is stored instead, NULL where the verb is left out and told. The row as it is
// rather than none: a client that finds no row takes it for deleted.
bool give_up(const TriggerData *trigger, const GuardContract *contract, Permission *permission, HeapTuple *row) {
  const core::Mode mode = contract->terms->modes.fence;
  const Bitmapset *fence = bms_make_singleton(contract->fence_place);
  if (mode == core::Mode::observe) {
    tell(trigger, contract, fence, Told::observed, sqlstate_stale);
    return false;
  }
  if (permission != nullptr) {
    permission->stale = contract->terms->fence;
    permission->replayed = false;
    if (permission->verb == Verb::advance) tell_state(trigger, contract, permission);
    *row = leave_out(permission);
    return true;
  }
  if (mode == core::Mode::reject) {
    report_row(contract->tracked, Event::rejected, contract->guarded, fence, trigger, sqlstate_stale);
    error_stale_fence(trigger->tg_relation, contract->terms->fence);
  }
  tell(trigger, contract, fence, Told::row_kept);
  *row = heap_copytuple(trigger->tg_trigtuple);
  return true;
}

bool is_set_by_statement(const TriggerData *trigger, AttrNumber attnum) {
  return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, trigger->tg_updatedcols);
}

// Whether a late write is one that must be stored, and is late only because a trigger has lowered the fence underneath
// it: a flush, without which a counted row could not be committed, or a foreign key's own action, without which a
// reference would dangle. Neither knows of workers and events.
bool is_late_beneath(const TriggerData *trigger, const GuardContract *contract, bool counts) {
  return !is_set_by_statement(trigger, contract->fence) && (counts || is_referential_action(trigger, contract));
}

// What is judged and stored of such a write: what the statement itself sets, and nothing of what triggers have made of
// the row, which is out of date as a whole. Tells so. In mode observe the write as it is. own: where to put the call.
const TriggerData *without_triggers(const TriggerData *trigger, const GuardContract *contract, TriggerData *own) {
  if (contract->terms->modes.fence == core::Mode::observe) {
    tell(trigger, contract, bms_make_singleton(contract->fence_place), Told::observed);
    return trigger;
  }
  Bitmapset *kept = nullptr;
  const Bitmapset *changed = changed_columns(trigger, contract);
  for (int place = -1; (place = bms_next_member(changed, place)) >= 0;)
    if (!is_set_by_statement(trigger, contract->guarded[place].attnum)) kept = bms_add_member(kept, place);
  tell(trigger, contract, kept, Told::kept);

  const TupleDesc tupdesc = RelationGetDescr(trigger->tg_relation);
  auto *attnums = palloc_array<int>(tupdesc->natts);
  auto *values = palloc_array<Datum>(tupdesc->natts);
  auto *nulls = palloc_array<bool>(tupdesc->natts);
  int count = 0;
  for (int i = 0; i < tupdesc->natts; ++i) {
    const AttrNumber attnum = TupleDescAttr(tupdesc, i)->attnum;
    if (TupleDescAttr(tupdesc, i)->attisdropped || !is_set_by_statement(trigger, attnum)) continue;
    const Value value = value_of(trigger->tg_newslot, attnum);
    attnums[count] = attnum;
    values[count] = value.datum;
    nulls[count++] = value.isnull;
  }
  *own = *trigger;
  own->tg_newtuple = heap_modify_tuple_by_cols(trigger->tg_trigtuple, tupdesc, count, attnums, values, nulls);
  // Of a descriptor of its own, which need not be released: all of it goes with the trigger's memory.
  own->tg_newslot = MakeSingleTupleTableSlot(CreateTupleDescCopy(tupdesc), &TTSOpsHeapTuple);
  ExecStoreHeapTuple(own->tg_newtuple, own->tg_newslot, false);
  return own;
}

HeapTuple judge(const TriggerData *trigger) {
  GuardContract *contract = load_guard_contract(trigger->tg_relation, trigger->tg_trigger);
  Permission *const writer = find_permission(trigger);
  Permission *permission = writer;
  // Flushes and recounts write counters, of which the guard knows nothing, and which are no change that a version
  // counts.
  const Permission *run = find_run_permission(trigger);
  const bool counts = run != nullptr && (run->verb == Verb::count || run->verb == Verb::recount);
  if (counts) permission = nullptr;
  if (run == nullptr) count_wait_before(contract->tracked);
  const bool has_version = contract->version != InvalidAttrNumber;
  const bool versioned = has_version && !counts;
  const bool suspended = is_suspended(contract->root);
  const bool untouched = permission == nullptr && sets_nothing_guarded(trigger, contract);
  const bool fenced = contract->fence != InvalidAttrNumber;
  HeapTuple row = trigger->tg_newtuple;
  TriggerData own;
  if (fenced && !suspended && !untouched && is_late(trigger, contract, permission)) {
    if (permission == nullptr && is_late_beneath(trigger, contract, counts))
      trigger = without_triggers(trigger, contract, &own);
    else if (give_up(trigger, contract, permission, &row))
      return row;
    row = trigger->tg_newtuple;
  }
  if (permission != nullptr && !is_to_be_done(trigger, contract, permission, suspended)) return leave_out(permission);
  if (suspended) {
    count_suspended(contract->root);
    report(contract->tracked, Event::suspended);
    row = with_counters(trigger, contract, writer, row);
    if (permission != nullptr) answer(permission, trigger, contract, nullptr, row);
    return permission != nullptr && permission->left_out ? nullptr : row;
  }
  if (untouched && !versioned) return row;

  if (!untouched) {
    if (permission != nullptr && permission->verb == Verb::submit && !is_closed(contract, trigger->tg_newslot))
      error_reopened(trigger->tg_relation);  // the verb's statement closed it; only a trigger can have undone that
    Bitmapset *changed = changed_columns(trigger, contract);
    if (fenced) changed = bms_del_member(changed, contract->fence_place);  // judged already
    // A stale write fails as such, whatever else it would have done.
    Verdict stale{};
    if (has_version && !check_version(trigger, contract, permission, counts, &stale)) return leave_out(permission);
    Verdict verdict = verdict_of(trigger, contract, changed, permission, counts);
    verdict.observed = bms_add_members(verdict.observed, stale.observed);
    Bitmapset *told = bms_union(verdict.kept, stale.kept);
    tell(trigger, contract, told, Told::kept);
    tell_observed(trigger, contract, verdict.observed, counts);
    verdict.silent = bms_add_members(verdict.silent, stale.silent);
    row = with_kept(trigger, contract, row, bms_add_members(verdict.kept, verdict.silent));
    if (permission == nullptr && bms_is_member(gate_place, changed) && !bms_is_member(gate_place, told) &&
        !bms_is_member(gate_place, verdict.silent))
      report_closing(trigger, contract);
    row = with_counters(trigger, contract, writer, row);
    if (permission != nullptr) {
      answer(permission, trigger, contract, told, row);
      if (permission->left_out) return nullptr;
    }
  }
  // A mere sign of life is no change either: whoever edits the row meanwhile has not missed anything.
  const bool lives = permission != nullptr && permission->verb == Verb::beat && permission->changed == nullptr;
  if (versioned && !lives && !changes_only_ignored(trigger, contract, permission, row))
    row = with_next_version(trigger, contract, row);
  if (changes_partition_key(trigger, contract, row)) {
    check_moves(trigger->tg_relation, contract);
    if (contract->terms->insert_reject || contract->terms->delete_reject) remember_move(trigger, contract, row);
  }
  return row;
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_guard_row) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.guard_row", TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW | TRIGGER_EVENT_BEFORE,
      "BEFORE UPDATE FOR EACH ROW");
  return PointerGetDatum(ratchet::judge(trigger));
}
