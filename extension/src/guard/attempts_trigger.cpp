// guard/attempts_trigger.cpp: nobody but ratchet writes a table of attempts.
//
// Ratchet stores and removes rows without firing triggers. So whatever fires these was done by somebody else. Unlike
// spilled counts, which come back with the rows that they count, attempts that a data-only restore brings are nowhere
// else: they are neither taken out again, which would lose them, nor let in, which would let anybody with the owner's
// rights make some up by a plain INSERT, but refused, with what to do.
#include "pg/pg.h"

#include "contract/errors.h"
#include "contract/trigger_cache.h"
#include "pg/fence.h"
#include "pg/quote.h"
#include "pg/trigger_call.h"

namespace ratchet {

namespace {

[[noreturn]] void refuse(const TriggerData *trigger) {
  Relation table = trigger->tg_relation;
  ereport(ERROR, errcode(sqlstate_guarded_column),
          errmsg("relation \"%s\" holds attempts, which only contracts write", RelationGetRelationName(table)),
          TRIGGER_FIRED_BY_INSERT(trigger->tg_event)
              ? errhint("To restore the data of a dump: ALTER TABLE %s DISABLE TRIGGER %s, and enable it afterwards.",
                        qualified_relation(RelationGetRelid(table)), quote_identifier(attempts_trigger_name))
              : errhint("CALL ratchet.prune_attempts() removes those that are older than an interval."),
          errtable(table));
  pg_unreachable();
}

const TriggerData *require_call(FunctionCallInfo fcinfo) {
  const bool truncates = CALLED_AS_TRIGGER(fcinfo) &&
                         TRIGGER_FIRED_BY_TRUNCATE(reinterpret_cast<TriggerData *>(fcinfo->context)->tg_event);
  return truncates
             ? require_trigger_call(fcinfo, "ratchet.keep_attempts", TRIGGER_EVENT_TRUNCATE | TRIGGER_EVENT_BEFORE,
                                    "BEFORE TRUNCATE FOR EACH STATEMENT")
             : require_trigger_call(fcinfo, "ratchet.keep_attempts", TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER,
                                    "AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW", 0);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_keep_attempts) {
  ratchet::refuse(ratchet::require_call(fcinfo));
  return PointerGetDatum(nullptr);
}
