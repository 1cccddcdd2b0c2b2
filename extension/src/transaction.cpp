// transaction.cpp: what happens when executor runs, transactions and subtransactions end.
//
// One callback of each kind, which calls the rooms in the order that is written here. At COMMIT and
// PREPARE, before they are done, things are only checked and reported. Nothing is written there: deferred triggers
// and constraints that a write there queues are skipped, and bad rows would commit (see tally/flush.cpp).
#include "transaction.h"

extern "C" {
#include "access/xact.h"
#include "executor/executor.h"
}

#include "activity/statistics.h"
#include "contract/kept_notice.h"
#include "contract/statement.h"
#include "contract/trigger_cache.h"
#include "declare/follow.h"
#include "guard/move.h"
#include "guard/suspend.h"
#include "pg/fence.h"
#include "pg/two_phase.h"
#include "tally/locked_row.h"
#include "tally/noted.h"
#include "tally/pending.h"
#include "tally/spill.h"
#include "tally/tally.h"
#include "tally/truncate_trigger.h"

namespace ratchet {

namespace {

ExecutorFinish_hook_type next_finish_hook;

void finish_executor(QueryDesc *query) {
  if (next_finish_hook != nullptr)
    next_finish_hook(query);
  else
    standard_ExecutorFinish(query);
  report_kept(query->estate);
  remember_locked_row(query);
}

void check_transaction() {
  check_written();
  check_called();
  report_suspensions();
}

// Nothing here may fail.
void end_transaction() {
  forget_truncates();
  forget_changes();
  forget_pending();
  forget_removed();
  forget_noted();
  forget_names();
  expire_with_transaction();
  forget_suspensions();
  forget_moves();
  forget_notes();
  forget_preparing();
  // Contracts give up their statements before plans are freed.
  free_retired_contracts();
  free_retired_plans();
}

void on_transaction(XactEvent event, void *) {
  switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
      check_transaction();
      break;
    case XACT_EVENT_COMMIT:
      remember_removed();
      end_transaction();
      break;
    case XACT_EVENT_ABORT:
      count_rolled_back();
      end_transaction();
      break;
    case XACT_EVENT_PREPARE:
      end_transaction();
      break;
    default:
      break;
  }
}

// Neither may fail.
void release_subtransaction(SubTransactionId subtransaction, SubTransactionId parent) {
  release_changes();
  release_pending();
  release_noted();
  hand_over_suspensions(subtransaction, parent);
}

void roll_back_subtransaction(SubTransactionId subtransaction) {
  forget_truncates_of_subtransaction();
  count_rolled_back_to_savepoint();
  drop_pending();
  forget_removed();
  drop_noted();
  expire_with_subtransaction();
  drop_suspensions(subtransaction);
  forget_notes_since(subtransaction);
}

void on_subtransaction(SubXactEvent event, SubTransactionId subtransaction, SubTransactionId parent, void *) {
  if (event == SUBXACT_EVENT_COMMIT_SUB)
    release_subtransaction(subtransaction, parent);
  else if (event == SUBXACT_EVENT_ABORT_SUB)
    roll_back_subtransaction(subtransaction);
}

}  // namespace

void init_transactions() {
  next_finish_hook = ExecutorFinish_hook;
  ExecutorFinish_hook = fenced<finish_executor>;
  RegisterXactCallback(fenced<on_transaction>, nullptr);
  RegisterSubXactCallback(fenced<on_subtransaction>, nullptr);
}

}  // namespace ratchet
