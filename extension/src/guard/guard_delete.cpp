// guard/guard_delete.cpp: delete => 'reject', a row that is closed stays.
//
// A BEFORE DELETE row trigger: the executor has locked the newest version of the row before it is called, as for the
// guard itself, so a DELETE that has waited for a submission is judged by the row as that has left it, and a submission
// that waits for a DELETE finds no row. It fires for cascades and for each partition as well. TRUNCATE calls no row
// triggers; which rows it would remove nobody looks for, so it is refused whatever there is.
//
// Both stand aside where the guard does not fire: nothing would tell a row that moves between partitions there.
#include "pg/pg.h"

#include "contract/errors.h"
#include "contract/report_row.h"
#include "guard/guard_contract.h"
#include "guard/move.h"
#include "guard/policy.h"
#include "guard/suspend.h"
#include "pg/fence.h"
#include "pg/trigger_call.h"

namespace ratchet {

namespace {

// The contract, if it has a say in whether rows go.
const GuardContract *find_say(Relation relation) {
  const GuardContract *contract = find_contract(relation);
  return contract != nullptr && contract->terms->delete_reject ? contract : nullptr;
}

bool is_lifted(const GuardContract *contract) {
  const bool suspended = is_suspended(contract->root);
  if (suspended) {
    count_suspended(contract->root);
    report(contract->tracked, Event::suspended);
  }
  return suspended;
}

void judge_delete(const TriggerData *trigger) {
  const GuardContract *contract = find_say(trigger->tg_relation);
  if (contract == nullptr || leaves_by_move(trigger) || is_lifted(contract)) return;
  bool state;
  const char *column = finishing_column(contract, trigger->tg_trigslot, &state);
  if (column == nullptr) return;
  report_row(contract->tracked, Event::rejected, list_make1(const_cast<char *>(column)), trigger,
             sqlstate_guarded_column);
  error_closed_stays(trigger->tg_relation, column, state);
}

void judge_truncate(const TriggerData *trigger) {
  const GuardContract *contract = find_say(trigger->tg_relation);
  if (contract == nullptr || is_lifted(contract)) return;
  report(contract->tracked, Event::rejected, 1, NIL,
         [](Description *told) { told->sqlstate = sqlstate_guarded_column; });
  error_truncated(trigger->tg_relation);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_guard_delete) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.guard_delete", TRIGGER_EVENT_DELETE | TRIGGER_EVENT_ROW | TRIGGER_EVENT_BEFORE,
      "BEFORE DELETE FOR EACH ROW");
  ratchet::judge_delete(trigger);
  return PointerGetDatum(trigger->tg_trigtuple);
}

RATCHET_FUNCTION(ratchet_guard_truncate) {
  const TriggerData *trigger =
      ratchet::require_trigger_call(fcinfo, "ratchet.guard_truncate", TRIGGER_EVENT_TRUNCATE | TRIGGER_EVENT_BEFORE,
                                    "BEFORE TRUNCATE FOR EACH STATEMENT");
  ratchet::judge_truncate(trigger);
  return PointerGetDatum(nullptr);
}
