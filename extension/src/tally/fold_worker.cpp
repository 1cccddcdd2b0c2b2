// tally/fold_worker.cpp: the background worker that folds.
//
// One a database and owner of tables. It runs what an owner has written: triggers of his tables, functions that a
// completion calls, and what those leave to the end of the transaction. So a process serves one owner, and is
// that role from the first moment of a transaction to its last; what the role leaves behind in the session, a setting
// or a temporary table, meets nobody else. It cannot become another role: that is forbidden in a context like a
// SECURITY DEFINER function's.
//
// Each fold leaves an old version of the row, and while somebody holds a snapshot open nobody can remove it. Flushes
// leave such a row alone then, and append; and so does the worker, but for once a second.
//
// One transaction a row, at READ COMMITTED whatever the database's default is. It never waits for a row: who has it
// folds, or leaves it to the next look. An error, an owner's function that fails perhaps, concerns that row; the others
// are folded, and the next look comes later and later.
//
// It may be killed at any moment: what it had not committed lies spilled as before, and the next who spills starts
// another one. It is not restarted by itself, so that DROP DATABASE finds nobody once it is idle.
#include "tally/fold_worker.h"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
}

#include <algorithm>

#include "pg/fence.h"
#include "pg/list.h"
#include "tally/flush.h"
#include "tally/fold.h"

namespace ratchet {

namespace {

constexpr long look_every = 50;         // ms
constexpr long thorough_every = 1000;   // ms
constexpr long stay_idle = 2000;        // ms; less than DROP DATABASE waits for others to go
constexpr long stay_failing = 60000;    // ms, where rows fail
constexpr long most_between = 10000;    // ms between looks
constexpr long call_again_after = 100;  // ms

bool starts_workers = true;  // ratchet.fold_worker

// Held by the worker while it is there. The fourth field keeps it apart from pg_advisory_lock().
LOCKTAG worker_tag(Oid owner) {
  LOCKTAG tag;
  SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, owner, 0, 0x7275);
  return tag;
}

bool register_worker(Oid owner) {
  BackgroundWorker worker{};
  worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
  worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
  worker.bgw_restart_time = BGW_NEVER_RESTART;
  snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "$libdir/ratchet");
  snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "ratchet_fold_worker");
  snprintf(worker.bgw_name, sizeof(worker.bgw_name), "ratchet fold of database %u", MyDatabaseId);
  snprintf(worker.bgw_type, sizeof(worker.bgw_type), "ratchet fold");
  worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
  memcpy(worker.bgw_extra, &owner, sizeof(owner));
  return RegisterDynamicBackgroundWorker(&worker, nullptr);
}

// -- in the worker --

struct Round {
  int folded;     // rows
  int failed;     // rows
  bool underway;  // there is something to come back for: a transaction that has not ended, or has a row
};

// A transaction as the owner.
void begin(Oid owner) {
  SetCurrentStatementStartTimestamp();
  StartTransactionCommand();
  XactIsoLevel = XACT_READ_COMMITTED;
  XactReadOnly = false;
  SetUserIdAndSecContext(owner, SECURITY_LOCAL_USERID_CHANGE);
}

void end() {
  CommitTransactionCommand();
  // Deferred triggers have run as the owner. The next transaction wants to begin as the worker itself.
  SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, 0);
}

// false: it failed, and the log says why.
template <typename Body>
bool in_transaction(Oid owner, Body &&body) {
  volatile bool done = false;
  MemoryContext caller = CurrentMemoryContext;
  PG_TRY();
  {
    begin(owner);
    body();
    end();
    done = true;
  }
  PG_CATCH();
  {
    HOLD_INTERRUPTS();
    MemoryContextSwitchTo(caller);
    EmitErrorReport();
    AbortCurrentTransaction();
    FlushErrorState();
    RESUME_INTERRUPTS();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(caller);
  return done;
}

// The parents of the owner, in memory of the round.
List *find_parents(Oid owner, bool *present) {
  List *parents = NIL;
  MemoryContext round = CurrentMemoryContext;
  in_transaction(owner, [&] {
    *present = OidIsValid(get_extension_oid("ratchet", true));
    const List *found = *present ? spilling_parents(owner) : NIL;
    MemoryContext transaction = MemoryContextSwitchTo(round);
    parents = list_copy(found);
    MemoryContextSwitchTo(transaction);
  });
  return parents;
}

// The row that comes `place`-th among those with spilled counts now; each is looked for anew, because keys are values
// of types that a transaction's end could take away.
void fold_parent(Oid owner, Oid parent, FoldMode mode, Round *round) {
  for (int place = 0;;) {
    bool more = false;
    Folded folded = Folded::gone;
    const bool well = in_transaction(owner, [&] {
      PushActiveSnapshot(GetTransactionSnapshot());
      const Counters *counters = current_counters(parent, RowExclusiveLock);
      if (counters->spill != nullptr) {
        const SpilledRows rows = look_at_spilled(counters);
        round->underway = round->underway || rows.underway;
        more = place < list_length(rows.keys);
        if (more) folded = fold_row(parent, static_cast<const Datum *>(list_nth(rows.keys, place)), mode);
      }
      PopActiveSnapshot();
    });
    CHECK_FOR_INTERRUPTS();
    if (well && !more) return;
    if (!well) {
      ++round->failed;
      // Not even the look at it went well.
      if (!more) return;
    }
    if (well && folded == Folded::folded)
      ++round->folded;
    else
      ++place;
    round->underway = round->underway || folded == Folded::busy;
  }
}

Round fold_all(Oid owner, FoldMode mode, bool *present) {
  Round round{};
  MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "ratchet fold round", ALLOCSET_DEFAULT_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(memory);
  pgstat_report_activity(STATE_RUNNING, "folding spilled counts");
  for (const Oid parent : each_oid(find_parents(owner, present))) fold_parent(owner, parent, mode, &round);
  pgstat_report_stat(false);
  pgstat_report_activity(STATE_IDLE, nullptr);
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(memory);
  return round;
}

// Who looks whether a worker is there has the lock for a moment, so it is tried more than once.
bool take_worker_lock(Oid owner) {
  constexpr int tries = 10;
  const LOCKTAG tag = worker_tag(owner);
  for (int i = 0; i < tries; ++i) {
    if (LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL) return true;
    pg_usleep(1000);
  }
  return false;
}

void give_up_worker_lock(Oid owner) {
  const LOCKTAG tag = worker_tag(owner);
  LockRelease(&tag, ExclusiveLock, true);
}

void sleep_for(long milliseconds) {
  const int events =
      WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds, PG_WAIT_EXTENSION);
  if ((events & WL_LATCH_SET) != 0) ResetLatch(MyLatch);
  CHECK_FOR_INTERRUPTS();
  if (!ConfigReloadPending) return;
  ConfigReloadPending = false;
  ProcessConfigFile(PGC_SIGHUP);
}

// Until there has been nothing to do for a while.
void work(Oid owner) {
  bool present = true;
  long between = look_every;
  TimestampTz last = GetCurrentTimestamp();
  TimestampTz thorough = 0;  // the last look that took every row
  while (present) {
    const TimestampTz start = GetCurrentTimestamp();
    const bool sparing = thorough != 0 && TimestampDifferenceMilliseconds(thorough, start) < thorough_every;
    const Round round = fold_all(owner, sparing ? FoldMode::sparing : FoldMode::unless_busy, &present);
    const TimestampTz now = GetCurrentTimestamp();
    if (!sparing) thorough = now;
    const long took = TimestampDifferenceMilliseconds(start, now);
    if (round.folded > 0 || round.underway) last = now;
    if (TimestampDifferenceMilliseconds(last, now) >= (round.failed > 0 ? stay_failing : stay_idle)) return;
    between = round.failed > 0 && round.folded == 0 ? std::min(between * 2, most_between) : look_every;
    // A table that is long to look through is not looked at all the time; but what took long may have been the folding,
    // and then there is more to come.
    sleep_for(round.folded > 0 ? look_every : std::max(between, std::min(took * 10, most_between)));
  }
}

void run(Oid database, Oid owner) {
  pqsignal(SIGHUP, SignalHandlerForConfigReload);
  pqsignal(SIGTERM, die);
  BackgroundWorkerUnblockSignals();
  BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
  bool present = true;
  while (present && take_worker_lock(owner)) {
    work(owner);
    give_up_worker_lock(owner);
    // See tally/fold_worker.h: whoever has spilled until now and has seen the lock is seen here.
    const Round left = fold_all(owner, FoldMode::unless_busy, &present);
    if (left.folded == 0 && !left.underway) return;
  }
}

void start(Datum database) {
  Oid owner;
  memcpy(&owner, MyBgworkerEntry->bgw_extra, sizeof(owner));
  run(DatumGetObjectId(database), owner);
}

}  // namespace

void init_fold_worker() {
  DefineCustomBoolVariable("ratchet.fold_worker",
                           "Starts a background worker that adds spilled counts to their rows when nobody else comes.",
                           "Without it they wait for the next transaction that counts for the row, or ratchet.fold().",
                           &starts_workers, true, PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

bool has_fold_worker(Oid owner) {
  const LOCKTAG tag = worker_tag(owner);
  if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL) return true;
  LockRelease(&tag, ShareLock, false);
  return false;
}

void call_fold_worker(Oid owner) {
  static TimestampTz called;
  if (!starts_workers || has_fold_worker(owner)) return;
  // One that was called a moment ago may not be there yet.
  const TimestampTz now = GetCurrentTimestamp();
  if (called != 0 && TimestampDifferenceMilliseconds(called, now) < call_again_after) return;
  if (register_worker(owner)) called = now;
}

}  // namespace ratchet

RATCHET_WORKER(ratchet_fold_worker) { ratchet::start(argument); }
