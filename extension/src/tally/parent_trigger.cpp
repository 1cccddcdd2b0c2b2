// tally/parent_trigger.cpp: the parent's side of tallies.
//
// One BEFORE INSERT OR UPDATE row trigger. It fires after all others but the
// guard's, so what it returns is what is stored. Where the table has a guard, that
// fires last and may put back what the writer changed, a total among it. Then the guard
// calls what is here with the row that it lets through, and the trigger stands aside.
//
// A new row has no children yet. An update keeps the counters, whatever it says,
// unless it is the flush's own statement; then they become what they are now,
// under the row lock, plus what was counted. `done` is decided here and nowhere
// else, from the counters and the other columns that are about to be stored, so whoever
// makes the last step finds it: the last row, a change of the total, of anything that a
// condition reads, or the row's own INSERT.
#include "pg/pg.h"

extern "C" {
#include "access/sysattr.h"
#include "access/xact.h"
#include "executor/tuptable.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

#include <algorithm>

#include "activity/wait.h"
#include "contract/core_copy.h"
#include "contract/errors.h"
#include "contract/guarded_column.h"
#include "contract/kept_notice.h"
#include "contract/permission.h"
#include "contract/report_row.h"
#include "contract/times.h"
#include "pg/fence.h"
#include "pg/memory.h"
#include "pg/row_value.h"
#include "pg/trigger_call.h"
#include "tally/arm.h"
#include "tally/condition.h"
#include "tally/limit.h"
#include "tally/noted.h"
#include "tally/parent_trigger.h"
#include "tally/spill.h"

namespace ratchet {

namespace {

bool is_same(const GuardedColumn &column, const Value &a, const Value &b) {
  return same_image(a.datum, a.isnull, b.datum, b.isnull, column.typbyval, column.typlen);
}

Datum stored_integer(Oid type, int64 value, const char *column) {
  const bool fits =
      type == INT8OID || (type == INT4OID ? value == static_cast<int32>(value) : value == static_cast<int16>(value));
  if (!fits)
    ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("counter \"%s\" is out of range", column));
  return type == INT8OID   ? Int64GetDatum(value)
         : type == INT4OID ? Int32GetDatum(static_cast<int32>(value))
                           : Int16GetDatum(static_cast<int16>(value));
}

// A counter plus what was counted, as the column stores it. NULL counts as zero.
Value added(const ParentCounter &counter, const Value &before, const Delta &delta) {
  if (counter.type != NUMERICOID) {
    if (delta.sum != 0)
      ereport(ERROR, errcode(sqlstate_unenforceable), errmsg("counter \"%s\" cannot hold a numeric sum", counter.name),
              errhint("Its type was numeric when the tally was declared."));
    Delta whole{before.isnull ? 0 : int64_of(counter.type, before.datum), 0};
    add_count(&whole, delta.count);
    return {stored_integer(counter.type, whole.count, counter.name), false};
  }
  Datum sum = numeric_of(delta);
  if (!before.isnull) sum = DirectFunctionCall2(numeric_add, before.datum, sum);
  if (counter.typmod >= 0) sum = DirectFunctionCall2(numeric, sum, Int32GetDatum(counter.typmod));
  return {sum, false};
}

Value now_as(const ParentCompletion &completion) {
  return {stored_time(completion.done_at_type, completion.done_at_typmod, completion.terms->time_zone,
                      GetCurrentTransactionStartTimestamp()),
          false};
}

// Decides done and done_at. exact: with what lies spilled, which must say the same; nullptr: nothing does. before: the
// old row, nullptr for a new one.
void decide(Stored *stored, Stored *exact, const ParentCompletion &completion, TupleTableSlot *before, Value *kept) {
  const Counters *counters = stored->counters;
  Value was{BoolGetDatum(false), false};
  if (before != nullptr) was = value_of(before, completion.done);
  const bool was_done = !was.isnull && DatumGetBool(was.datum);
  const bool done = (completion.terms->latch && was_done) ||
                    (is_complete(stored, completion) && (exact == nullptr || is_complete(exact, completion)));
  kept[place_of(counters, completion.done)] = {BoolGetDatum(done), false};
  if (completion.done_at == InvalidAttrNumber) return;
  Value *at = &kept[place_of(counters, completion.done_at)];
  if (!done)
    *at = {Datum(0), true};
  else if (!was_done)
    *at = now_as(completion);
}

HeapTuple with_kept(const TriggerData *trigger, const Counters *counters, HeapTuple row, const Value *kept,
                    const Bitmapset *places) {
  if (bms_is_empty(places)) return row;
  const int count = bms_num_members(places);
  auto *attnums = palloc_array<int>(count);
  auto *values = palloc_array<Datum>(count);
  auto *nulls = palloc_array<bool>(count);
  int i = 0;
  for (int place = -1; (place = bms_next_member(places, place)) >= 0; ++i) {
    attnums[i] = counters->guarded[place].attnum;
    values[i] = kept[place].datum;
    nulls[i] = kept[place].isnull;
  }
  return heap_modify_tuple_by_cols(row, RelationGetDescr(trigger->tg_relation), count, attnums, values, nulls);
}

Value *new_values(const Counters *counters) { return palloc_array<Value>(counters->nguarded); }

// false: it has a NULL, so that nobody refers to the row.
bool read_key(const TriggerData *trigger, const Counters *counters, Datum *key) {
  for (int i = 0; i < counters->nkey; ++i) {
    const Value value = value_of(trigger->tg_trigslot, counters->key[i].attnum);
    if (value.isnull) return false;
    key[i] = value.datum;
  }
  return true;
}

// What lay spilled is in the row from here on: triggers that fire before this one have seen it beside the row, those
// that fire after it shall not see it twice, nor find it when they flush what they count for the row.
void remove_folded(const TriggerData *trigger, const Counters *counters, Permission *permission) {
  Datum key[INDEX_MAX_KEYS];
  if (permission->folded == nullptr || !read_key(trigger, counters, key)) return;
  remove_spilled(counters, key, *permission->folded);
  CommandCounterIncrement();
}

// What the guarded columns will be, the counters with what lies spilled for the row. Whoever completes the row by
// another column, or repairs it, must not call for what a removal that lies there has undone long ago. What lies there
// and would complete it is for the fold to find: who is called shall see in the row what it was called for.
Value *exact_values(const TriggerData *trigger, const Counters *counters, const Value *kept, bool again) {
  Value *exact = new_values(counters);
  std::copy(kept, kept + counters->nguarded, exact);
  Datum key[INDEX_MAX_KEYS];
  if (!read_key(trigger, counters, key)) return exact;
  // The row is locked: whoever folds from here on waits, or has ended.
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const Spilled spilled = read_spilled(counters, key, snapshot, again, PG_INT32_MAX);
  UnregisterSnapshot(snapshot);
  for (int i = 0; i < counters->ncounters; ++i) exact[i] = added(counters->counters[i], exact[i], spilled.deltas[i]);
  return exact;
}

HeapTuple born(const TriggerData *trigger) {
  const Counters *counters = load_counters(trigger->tg_relation, trigger->tg_trigger);
  Value *kept = new_values(counters);
  for (int i = 0; i < counters->ncounters; ++i) kept[i] = added(counters->counters[i], {Datum(0), true}, {0, 0});
  for (int i = counters->ncounters; i < counters->nguarded; ++i) kept[i] = {Datum(0), true};
  Stored stored{counters, trigger->tg_trigslot, kept, nullptr};
  for (int i = 0; i < counters->ncompletions; ++i)
    if (counters->completions[i].done != InvalidAttrNumber)
      decide(&stored, nullptr, counters->completions[i], nullptr, kept);
  release(&stored);

  // Not noted as kept: an upsert proposes a row that is never inserted, and a data-only restore brings all counters.
  Bitmapset *changed = nullptr;
  for (int i = 0; i < counters->nguarded; ++i)
    if (!is_same(counters->guarded[i], kept[i], value_of(trigger->tg_trigslot, counters->guarded[i].attnum)))
      changed = bms_add_member(changed, i);
  return with_kept(trigger, counters, trigger->tg_trigtuple, kept, changed);
}

// The key that children refer to: ON UPDATE CASCADE would count them a second time, for the same row.
void check_key(const TriggerData *trigger, const Counters *counters, TupleTableSlot *row) {
  for (int i = 0; i < counters->nkey; ++i) {
    const KeyColumn &column = counters->key[i];
    const Value before = value_of(trigger->tg_trigslot, column.attnum);
    const Value after = value_of(row, column.attnum);
    if (before.isnull || same_image(before.datum, false, after.datum, after.isnull, column.typbyval, column.typlen))
      continue;
    if (!after.isnull && DatumGetBool(FunctionCall2Coll(const_cast<FmgrInfo *>(&column.equal), column.collation,
                                                        before.datum, after.datum)))
      continue;
    error_counted_key(trigger->tg_relation, column.name);
  }
}

// Whether the statement sets nothing that is of interest, and no other trigger could have.
bool sets_nothing_relevant(const TriggerData *trigger, const Counters *counters) {
  return counters->no_foreign_before_update && trigger->tg_updatedcols != nullptr &&
         !bms_overlap(trigger->tg_updatedcols, counters->relevant);
}

// Whether the update changes what a completion is decided from.
bool reads_change(const TriggerData *trigger, const Stored &stored, const ParentCompletion &completion) {
  for (int member = -1; (member = bms_next_member(completion.reads, member)) >= 0;) {
    const auto attnum = static_cast<AttrNumber>(member + FirstLowInvalidHeapAttributeNumber);
    const Value before = value_of(trigger->tg_trigslot, attnum);
    const Value after = stored_value(stored, attnum);
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(trigger->tg_relation), attnum - 1);
    if (!same_image(before.datum, before.isnull, after.datum, after.isnull, attribute->attbyval, attribute->attlen))
      return true;
  }
  return false;
}

// The verb's answer: which columns of its patch were kept.
void tell_kept(Permission *permission, const Counters *counters, const Bitmapset *places) {
  MemoryContext caller = MemoryContextSwitchTo(permission->memory);
  for (int i = 0; i < permission->npatched; ++i)
    for (int place = -1; (place = bms_next_member(places, place)) >= 0;)
      if (strcmp(permission->patched[i], counters->guarded[place].name) == 0)
        permission->kept = bms_add_member(permission->kept, i);
  MemoryContextSwitchTo(caller);
}

bool is_set(const TriggerData *trigger, AttrNumber attnum) {
  return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, trigger->tg_updatedcols);
}

bool is_true(const Value &value) { return !value.isnull && DatumGetBool(value.datum); }

// kept: the values that the guarded columns will have.
void report_completed(const TriggerData *trigger, const Counters *counters, const Value *kept) {
  int done = 0;
  for (int i = 0; i < counters->ncompletions; ++i) {
    const AttrNumber column = counters->completions[i].done;
    if (column != InvalidAttrNumber && is_true(kept[place_of(counters, column)]) &&
        !is_true(value_of(trigger->tg_trigslot, column)))
      ++done;
  }
  if (done > 0) report(counters->tracked, Event::completed, done);
}

// Whether completions can be decided. What lies in a table that cannot be used is not known: a removal perhaps, without
// which the row would be complete, and somebody called for it. kept: as report_completed().
bool is_decidable(const Counters *counters, TupleTableSlot *before, const Value *kept) {
  for (int i = 0; counters->spill_hidden && i < counters->ncompletions; ++i) {
    const AttrNumber column = counters->completions[i].done;
    if (column != InvalidAttrNumber && is_true(kept[place_of(counters, column)]) != is_true(value_of(before, column)))
      return false;
  }
  return true;
}

// What is to be stored of a row, which `after` holds too.
HeapTuple keep(const TriggerData *trigger, const Counters *counters, Permission *permission, HeapTuple row,
               TupleTableSlot *after) {
  const bool counts = permission != nullptr && permission->verb == Verb::count;
  const bool recounts = permission != nullptr && permission->verb == Verb::recount;
  if (!counts && !recounts && sets_nothing_relevant(trigger, counters)) return row;
  check_key(trigger, counters, after);
  // The deltas are in the order of the counters. What else the contract says may be renamed by anybody at any time.
  if (counts && !same_arguments(counters->terms->counters, counters->terms->ncounters,
                                permission->counters->terms->counters, permission->counters->terms->ncounters))
    error_unenforceable(trigger->tg_relation, "the contract was changed while counts were written",
                        "Do not declare tallies in triggers of their parents.");

  // Counters, then what follows from them. Both rows are locked: OLD is the newest version.
  Value *kept = new_values(counters);
  for (int i = 0; i < counters->nguarded; ++i) {
    kept[i] = value_of(trigger->tg_trigslot, counters->guarded[i].attnum);
    if (i >= counters->ncounters) continue;
    if (counts) kept[i] = added(counters->counters[i], kept[i], permission->deltas[i]);
    if (!recounts || !is_set(trigger, counters->guarded[i].attnum)) continue;
    kept[i] = value_of(after, counters->guarded[i].attnum);
    if (counters->counters[i].type == NUMERICOID && !kept[i].isnull) check_finite(kept[i].datum);
  }
  if (counts) {
    permission->judged = true;
    remove_folded(trigger, counters, permission);
  }
  Stored stored{counters, after, kept, nullptr};
  Stored exact = stored;
  for (int i = 0; i < counters->ncompletions; ++i) {
    const ParentCompletion &completion = counters->completions[i];
    if (completion.done == InvalidAttrNumber || !(counts || recounts || reads_change(trigger, stored, completion)))
      continue;
    if (counters->spill != nullptr && exact.kept == kept) exact.kept = exact_values(trigger, counters, kept, !counts);
    decide(&stored, exact.kept == kept ? nullptr : &exact, completion, trigger->tg_trigslot, kept);
  }
  if (!is_decidable(counters, trigger->tg_trigslot, kept)) error_spill_table(counters);
  // A recount says what is there.
  const Breach breach = recounts ? Breach{nullptr, false} : find_breach(stored, trigger->tg_trigslot);
  if (breach.limit != nullptr) {
    report_row(counters->tracked, Event::rejected, counters->guarded, bms_make_singleton(breach.limit->counter),
               trigger, sqlstate_limit);
    error_breach(counters, breach);
  }
  report_completed(trigger, counters, kept);
  release(&exact);
  release(&stored);

  Bitmapset *changed = nullptr;
  Bitmapset *noted = nullptr;
  for (int i = 0; i < counters->nguarded; ++i) {
    const GuardedColumn &column = counters->guarded[i];
    const Value given = value_of(after, column.attnum);
    if (is_same(column, kept[i], given)) continue;
    changed = bms_add_member(changed, i);
    if (!counts && !recounts && !is_same(column, given, value_of(trigger->tg_trigslot, column.attnum)))
      noted = bms_add_member(noted, i);
  }
  if (noted != nullptr) {
    note_row(trigger, counters->root, counters->guarded, noted, Told::kept);
    report_row(counters->tracked, Event::kept, counters->guarded, noted, trigger);
    if (permission != nullptr) tell_kept(permission, counters, noted);
  }
  return with_kept(trigger, counters, row, kept, changed);
}

HeapTuple judge(const TriggerData *trigger) {
  const Counters *counters = load_counters(trigger->tg_relation, trigger->tg_trigger);
  if (counters->guard != nullptr && fires_now(*counters->guard)) return trigger->tg_newtuple;
  Permission *permission = find_permission(trigger);
  if (permission == nullptr) count_wait_before(counters->tracked);
  return keep(trigger, counters, permission, trigger->tg_newtuple, trigger->tg_newslot);
}

bool is_told(const ParentCompletion &completion) {
  return completion.terms->on_done != nullptr || completion.terms->notify;
}

// Notes what a row's completions were and are. before, after: nullptr where there is no such row.
void note_changes(const Counters *counters, TupleTableSlot *before, TupleTableSlot *after) {
  for (int i = 0; i < counters->ncompletions; ++i) {
    const ParentCompletion &completion = counters->completions[i];
    if (!is_told(completion)) continue;
    const bool was = before != nullptr && is_true(value_of(before, completion.done));
    const bool is = after != nullptr && is_true(value_of(after, completion.done));
    if (before == nullptr || after == nullptr || was != is)
      note_completion(counters, i, after != nullptr ? after : before, was, is);
  }
}

// AFTER UPDATE, so the row is stored. A flush or recount that makes the update calls when its statements are all done;
// after anybody else's a flush has yet to come.
void note_updated(const TriggerData *trigger) {
  const Counters *counters = find_counters(trigger->tg_relation);
  if (counters == nullptr) return;
  note_changes(counters, trigger->tg_trigslot, trigger->tg_newslot);
  const Permission *run = find_run_permission(trigger);
  if (run != nullptr && (run->verb == Verb::count || run->verb == Verb::recount)) return;
  if (any_due()) arm(trigger);
}

}  // namespace

HeapTuple keep_counters(const TriggerData *trigger, Permission *permission, HeapTuple row) {
  const Counters *counters = find_counters(trigger->tg_relation);
  if (counters == nullptr) return row;
  if (row == trigger->tg_newtuple) return keep(trigger, counters, permission, row, trigger->tg_newslot);
  TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(trigger->tg_relation), &TTSOpsHeapTuple);
  ExecStoreHeapTuple(row, slot, false);
  HeapTuple kept = keep(trigger, counters, permission, row, slot);
  ExecDropSingleTupleTableSlot(slot);
  return kept;
}

void check_finite(Datum numeric) {
  const Numeric number = DatumGetNumeric(numeric);
  if (numeric_is_nan(number) || numeric_is_inf(number))
    ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("NaN and infinity cannot be summed by a tally"));
}

Change change_of(const Counters *counters, TupleTableSlot *row, const Delta *deltas) {
  Value *kept = new_values(counters);
  for (int i = 0; i < counters->nguarded; ++i) {
    kept[i] = value_of(row, counters->guarded[i].attnum);
    if (i < counters->ncounters) kept[i] = added(counters->counters[i], kept[i], deltas[i]);
  }
  Stored stored{counters, row, kept, nullptr};
  for (int i = 0; i < counters->ncompletions; ++i)
    if (counters->completions[i].done != InvalidAttrNumber)
      decide(&stored, nullptr, counters->completions[i], row, kept);
  const bool refused = find_breach(stored, row).limit != nullptr || !is_decidable(counters, row, kept);
  release(&stored);

  Change change{};
  change.refused = refused;
  change.attnums = palloc_array<int>(counters->nguarded);
  change.values = palloc_array<Datum>(counters->nguarded);
  change.nulls = palloc_array<bool>(counters->nguarded);
  for (int i = 0; i < counters->nguarded; ++i) {
    if (is_same(counters->guarded[i], kept[i], value_of(row, counters->guarded[i].attnum))) continue;
    change.decides = change.decides || i >= counters->ncounters;
    change.attnums[change.count] = counters->guarded[i].attnum;
    change.values[change.count] = kept[i].datum;
    change.nulls[change.count++] = kept[i].isnull;
  }
  for (int i = 0; i < counters->ncompletions; ++i) {
    const ParentCompletion &completion = counters->completions[i];
    if (completion.done == InvalidAttrNumber) continue;
    const bool is = is_true(kept[place_of(counters, completion.done)]);
    if (is == is_true(value_of(row, completion.done))) continue;
    if (is) ++change.done;
    if (!is_told(completion)) continue;
    Bitmapset **places = is ? &change.completed : &change.undone;
    *places = bms_add_member(*places, i);
  }
  return change;
}

void note_change(const Counters *counters, const Change &change, TupleTableSlot *row) {
  if (change.done > 0) report(counters->tracked, Event::completed, change.done);
  for (int i = 0; i < counters->ncompletions; ++i) {
    const bool is = bms_is_member(i, change.completed);
    if (is || bms_is_member(i, change.undone)) note_completion(counters, i, row, !is, is);
  }
}

void note_inserted(const TriggerData *trigger, const Counters *counters) {
  note_changes(counters, nullptr, trigger->tg_trigslot);
}

void note_gone(const TriggerData *trigger, const Counters *counters) {
  note_changes(counters, trigger->tg_trigslot, nullptr);
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_keep_counters) {
  const bool inserts = CALLED_AS_TRIGGER(fcinfo) &&
                       TRIGGER_FIRED_BY_INSERT(reinterpret_cast<const TriggerData *>(fcinfo->context)->tg_event);
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.keep_counters",
      (inserts ? TRIGGER_EVENT_INSERT : TRIGGER_EVENT_UPDATE) | TRIGGER_EVENT_ROW | TRIGGER_EVENT_BEFORE,
      "BEFORE INSERT OR UPDATE FOR EACH ROW");
  return PointerGetDatum(inserts ? ratchet::born(trigger) : ratchet::judge(trigger));
}

RATCHET_FUNCTION(ratchet_complete_row) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.complete_row", TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER,
      "AFTER UPDATE FOR EACH ROW");
  ratchet::note_updated(trigger);
  return PointerGetDatum(nullptr);
}
