// tally/arm.cpp: queueing the flush.
//
// What is pending, and who is to be called, waits for the flush trigger, a deferred constraint trigger. A row
// that finds its table disarmed queues one event of it and arms the table, so
// one event is queued a transaction and table. "Armed" means that such an event
// is really pending: it is undone with the savepoint in which the event was queued, as
// the event is, and the flush disarms its table before it writes anything.
//
// PostgreSQL by itself would queue an event for every row, and a WHEN condition
// that keeps it from that costs more than the counting: it is parsed anew in
// every statement. So the condition is false, and the event is queued from here,
// by the very function that would queue it. What an event means is
// in its trigger's definition when it fires; neither the condition nor the kind of
// change is looked at again.
//
// The event lands in the list of the statement whose rows are being counted,
// behind them. Under SET CONSTRAINTS ... IMMEDIATE the flush therefore fires
// once, when all rows of the statement have been counted; deferred, the event waits for COMMIT.
// Where the flush trigger is disabled or gone each row is written at once, and so it is beneath what somebody has done
// for the owner of the tables, where PostgreSQL lets no deferred trigger be queued.
#include "pg/pg.h"

extern "C" {
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
}

#include "contract/permission.h"
#include "contract/trigger_cache.h"
#include "tally/arm.h"
#include "tally/flush.h"
#include "tally/pending.h"

namespace ratchet {

// Queues the flush of the row's table; false: its trigger would not fire. The event names no row, as a statement's
// does not, so nothing is fetched when it fires; hence it is for ratchet's function alone, which asks for none.
static bool queue_flush(const TriggerData *trigger) {
  Trigger queued;
  if (!find_trigger_facts(trigger->tg_relation, TriggerKind::flush, &queued) || !fires_ordinarily(queued)) return false;
  queued.tgtype = TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT;
  queued.tgenabled = TRIGGER_FIRES_ALWAYS;  // as the caller fires, whatever session_replication_role says
  TriggerDesc triggers{};
  triggers.triggers = &queued;
  triggers.numtriggers = 1;
  triggers.trig_insert_after_row = true;
  ResultRelInfo target{};
  target.type = T_ResultRelInfo;
  target.ri_RelationDesc = trigger->tg_relation;
  target.ri_TrigDesc = &triggers;
  TupleTableSlot no_row{};
  no_row.type = T_TupleTableSlot;
  ItemPointerSetInvalid(&no_row.tts_tid);
  ExecARInsertTriggers(nullptr, &target, &no_row, NIL, nullptr);
  return true;
}

// Whether the row is one that is counted into for another role (tally/flush.h), which must not leave an event behind.
static bool is_written_for_owner(const TriggerData *trigger) {
  if (!InSecurityRestrictedOperation()) return false;
  const Permission *permission = find_run_permission(trigger);
  return permission != nullptr && permission->verb == Verb::count;
}

void arm(const TriggerData *trigger) {
  const Oid relation = RelationGetRelid(trigger->tg_relation);
  if (is_armed(relation)) return;
  if (!is_written_for_owner(trigger) && queue_flush(trigger))
    set_armed(relation, true);
  else
    flush_pending(InvalidOid);
}

}  // namespace ratchet
