// tally/child_trigger.cpp: counting the rows of a child.
//
// An AFTER ROW trigger, because only row triggers fire for every way a row
// comes, changes or goes: leaf writes, cascades, moves between partitions.
// It adds to a map in memory and touches no other table.
//
// Who writes the map is the flush trigger, which tally/arm.cpp queues.
#include "pg/pg.h"

extern "C" {
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

#include "contract/guarded_column.h"
#include "pg/fence.h"
#include "pg/memory.h"
#include "pg/row_value.h"
#include "pg/trigger_call.h"
#include "tally/arm.h"
#include "tally/flush.h"
#include "tally/noted.h"
#include "tally/parent_trigger.h"
#include "tally/pending.h"
#include "tally/spill.h"
#include "tally/truncate_trigger.h"

namespace ratchet {

namespace {

bool changes(const Tally *tally, TupleTableSlot *before, TupleTableSlot *after) {
  slot_getsomeattrs(before, tally->last_used);
  slot_getsomeattrs(after, tally->last_used);
  for (int i = 0; i < tally->nused; ++i) {
    const GuardedColumn &column = tally->used[i];
    const int place = column.attnum - 1;
    if (!same_image(before->tts_values[place], before->tts_isnull[place], after->tts_values[place],
                    after->tts_isnull[place], column.typbyval, column.typlen))
      return true;
  }
  return false;
}

// What one counter makes of one row.
Delta delta_of(Tally *tally, int place, TupleTableSlot *row) {
  bool isnull;
  const Datum value = evaluate_counted(tally, place, row, &isnull);
  if (isnull) return {0, 0};
  const Counted &counted = tally->counted[place];
  if (!counted.sum) return {DatumGetBool(value) ? 1 : 0, 0};
  if (counted.type != NUMERICOID) return {int64_of(counted.type, value), 0};
  check_finite(value);
  return {0, value};
}

// false: the row counts nowhere.
bool count(Tally *tally, const Counters *counters, TupleTableSlot *row, int sign) {
  Datum key[INDEX_MAX_KEYS];
  slot_getsomeattrs(row, tally->last_used);
  if (!evaluate_key(tally, row, key)) return false;
  // Everything that may run other people's code comes before the map is touched.
  Delta few[8];
  Delta *deltas = tally->ncounted <= 8 ? few : palloc_array<Delta>(tally->ncounted);
  for (int i = 0; i < tally->ncounted; ++i) deltas[i] = delta_of(tally, i, row);

  Pending *entry = pending_entry(counters, key);
  entry->rows += sign;
  for (int i = 0; i < tally->ncounted; ++i) {
    Delta *delta = &entry->deltas[tally->places[i]];
    if (deltas[i].count != 0) add_count(delta, deltas[i].count, sign);
    if (deltas[i].sum != 0)
      add_sum(delta, sign > 0 ? deltas[i].sum : DirectFunctionCall1(numeric_uminus, deltas[i].sum));
  }
  return true;
}

// The tally of the call, with its parent locked. A migration that has renamed the counter meanwhile may have committed
// while this waited for the lock. It has rewritten the child's trigger without a lock on the child, so the tally is
// built anew. Once the parent is locked no other such migration can come.
Tally *load_locked_tally(const TriggerData *trigger) {
  Tally *tally = load_tally(trigger->tg_relation, trigger->tg_trigger);
  lock_parent(tally);
  if (tally->valid) return tally;
  tally = load_tally(trigger->tg_relation, trigger->tg_trigger);
  lock_parent(tally);
  return tally;
}

void accumulate(const TriggerData *trigger) {
  if (is_counted_at_end(RelationGetRelid(trigger->tg_relation))) return;
  Tally *tally = load_locked_tally(trigger);
  const Counters *counters = resolve(tally);
  bool counted = false;
  if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) {
    counted = count(tally, counters, trigger->tg_trigslot, 1);
  } else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event)) {
    counted = count(tally, counters, trigger->tg_trigslot, -1);
  } else if (changes(tally, trigger->tg_trigslot, trigger->tg_newslot)) {
    counted = count(tally, counters, trigger->tg_trigslot, -1);
    counted = count(tally, counters, trigger->tg_newslot, 1) || counted;
  }
  if (counted) report(tally->tracked, Event::counted);
  arm(trigger);
}

// A counted row goes, and another one may come under its key in the same
// transaction. So what the row had is pending for the key until COMMIT: where
// its children went with it, their removal cancels it out; where they stayed
// (the foreign key is checked at the end), the new row, born with zero, gets it.
void keep_for_successor(const TriggerData *trigger) {
  const Trigger *kept = find_trigger(trigger->tg_relation, TriggerKind::parent);
  if (kept == nullptr) return;
  const Counters *counters = load_counters(trigger->tg_relation, kept);
  note_gone(trigger, counters);
  Datum key[INDEX_MAX_KEYS];
  bool isnull;
  for (int i = 0; i < counters->nkey; ++i) {
    key[i] = slot_getattr(trigger->tg_trigslot, counters->key[i].attnum, &isnull);
    if (isnull) return;
  }
  Pending *entry = pending_entry(counters, key);
  for (int i = 0; i < counters->ncounters; ++i) {
    const Datum value = slot_getattr(trigger->tg_trigslot, counters->counters[i].attnum, &isnull);
    if (isnull) continue;
    if (counters->counters[i].type == NUMERICOID)
      add_sum(&entry->deltas[i], value);
    else
      add_count(&entry->deltas[i], int64_of(counters->counters[i].type, value));
  }
  if (counters->spill != nullptr) {
    take_for_successor(counters, key, entry);
    note_row_gone(counters, key);
  }
  arm(trigger);
}

// A row whose key was another's: what is spilled for that one is not for this one, unless it goes on from it in this
// transaction. Children that were counted before it came do not say that there was another.
void forget_predecessor(const TriggerData *trigger, const Counters *counters) {
  Datum key[INDEX_MAX_KEYS];
  bool isnull;
  for (int i = 0; i < counters->nkey; ++i) {
    key[i] = slot_getattr(trigger->tg_trigslot, counters->key[i].attnum, &isnull);
    if (isnull) return;
  }
  if (!is_row_gone(counters, key)) remove_leftovers(counters, key);
}

// A row may be born complete, where nothing is expected of it.
void note_born(const TriggerData *trigger) {
  const Counters *counters = find_counters(trigger->tg_relation);
  if (counters == nullptr) return;
  if (counters->spill != nullptr) forget_predecessor(trigger, counters);
  if (!counters->told) return;
  note_inserted(trigger, counters);
  if (any_due()) arm(trigger);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_count_gone) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.count_gone", TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER, "AFTER INSERT OR DELETE FOR EACH ROW", 0);
  if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event)) {
    ratchet::keep_for_successor(trigger);
  } else {
    ratchet::note_born(trigger);
    // A flush has found no row for what was kept; perhaps this is it.
    if (ratchet::any_stranded()) ratchet::flush_pending(InvalidOid);
  }
  return PointerGetDatum(nullptr);
}

RATCHET_FUNCTION(ratchet_count_row) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.count_row", TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER, "AFTER FOR EACH ROW", 0);
  ratchet::accumulate(trigger);
  return PointerGetDatum(nullptr);
}
