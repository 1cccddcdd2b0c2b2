// tally/spilled_trigger.cpp: nobody but ratchet writes a table of spilled counts.
//
// Ratchet appends and removes rows without firing triggers. So whatever fires this one was written by somebody else:
// an update or a removal is refused. A row that is added is taken out again, so that a data-only restore comes out
// right: the counts come with the children, whose triggers fire, and what the dump has as spilled would come twice.
#include "pg/pg.h"

extern "C" {
#include "access/heapam.h"
#include "access/xact.h"
#include "commands/trigger.h"
}

#include "contract/errors.h"
#include "pg/fence.h"
#include "pg/trigger_call.h"

namespace ratchet {

namespace {

[[noreturn]] void refuse(Relation relation) {
  ereport(ERROR, errcode(sqlstate_guarded_column),
          errmsg("relation \"%s\" holds spilled counts, which only tallies write", RelationGetRelationName(relation)),
          errhint("Look at what they are for in ratchet.contract; ratchet.fold() adds them to their rows."),
          errtable(relation));
  pg_unreachable();
}

// Once a transaction.
void tell(Relation relation) {
  static FullTransactionId told_in;
  const FullTransactionId now = GetTopFullTransactionId();
  if (FullTransactionIdEquals(told_in, now)) return;
  told_in = now;
  ereport(NOTICE, errcode(sqlstate_kept),
          errmsg("rows of relation \"%s\" were not stored: only tallies write it", RelationGetRelationName(relation)),
          errhint("The rows that they count bring their counts by themselves."), errtable(relation));
}

void keep(const TriggerData *trigger) {
  if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) refuse(trigger->tg_relation);
  // The row is this very command's.
  CommandCounterIncrement();
  simple_heap_delete(trigger->tg_relation, &trigger->tg_trigtuple->t_self);
  tell(trigger->tg_relation);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_keep_spilled) {
  const TriggerData *trigger =
      ratchet::require_trigger_call(fcinfo, "ratchet.keep_spilled", TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER,
                                    "AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW", 0);
  ratchet::keep(trigger);
  return PointerGetDatum(nullptr);
}
