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
// folds, or leaves it to the next look. An error, an owner's function that fails perhaps, concerns that row, which is
// tried again later and later; the others are folded.
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
#include <iterator>

#include "pg/fence.h"
#include "pg/list.h"
#include "tally/flush.h"
#include "tally/fold.h"
#include "tally/pending.h"

namespace ratchet {

namespace {

constexpr long look_every = 50;          // ms
constexpr long thorough_every = 1000;    // ms
constexpr long stay_idle = 2000;         // ms; less than DROP DATABASE waits for others to go
constexpr long stay_failing = 60000;     // ms, where rows fail
constexpr long most_between = 10000;     // ms between looks
constexpr long fail_again_after = 1000;  // ms
constexpr long call_again_after = 100;   // ms
constexpr int most_keys_at_once = 100000;

bool starts_workers = true;  // ratchet.fold_worker
bool is_worker;              // this process is one, whose own lock it would not see

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

// -- rows that fail --

// An owner's function that raises, perhaps: tried again later and later, whatever becomes of other rows. Of more than
// these the one that is to be tried next is forgotten, and so is tried.
struct Failing {
  Oid parent;  // InvalidOid: none
  uint32 hash;
  TimestampTz again;
  long wait;  // ms
};

Failing failing[64];

Failing *find_failing(Oid parent, uint32 hash) {
  for (Failing &one : failing)
    if (one.parent == parent && one.hash == hash) return &one;
  return nullptr;
}

void note_failure(Oid parent, uint32 hash) {
  Failing *one = find_failing(parent, hash);
  if (one == nullptr) {
    one = std::min_element(std::begin(failing), std::end(failing),
                           [](const Failing &a, const Failing &b) { return a.again < b.again; });
    *one = {parent, hash, 0, fail_again_after / 2};
  }
  one->wait = std::min(one->wait * 2, most_between);
  one->again = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), one->wait);
}

void note_success(Oid parent, uint32 hash) {
  if (Failing *one = find_failing(parent, hash)) *one = {};
}

// -- rows --

// Keys that were looked up in a transaction that has ended, copied, and what they are keys of.
struct Keys {
  int nkey;
  Oid types[INDEX_MAX_KEYS];
  List *values;  // Datum *
  List *hashes;  // as integers
};

bool is_key_of(const Keys &keys, const Counters *counters) {
  bool same = keys.nkey == counters->nkey;
  for (int i = 0; same && i < keys.nkey; ++i) same = keys.types[i] == counters->key[i].type;
  return same;
}

// In memory of the round. false: it failed.
bool look_for_keys(Oid owner, Oid parent, Keys *keys, Round *round) {
  MemoryContext memory = CurrentMemoryContext;
  return in_transaction(owner, [&] {
    PushActiveSnapshot(GetTransactionSnapshot());
    const Counters *counters = current_counters(parent, RowExclusiveLock);
    if (counters->spill != nullptr) {
      const SpilledRows rows = look_at_spilled(counters, most_keys_at_once);
      round->underway = round->underway || rows.underway;
      MemoryContext transaction = MemoryContextSwitchTo(memory);
      keys->nkey = counters->nkey;
      for (int i = 0; i < counters->nkey; ++i) keys->types[i] = counters->key[i].type;
      for (const auto *key : each<Datum>(rows.keys)) {
        const PendingKey copy = copy_key(key_of(counters, key));
        keys->values = lappend(keys->values, const_cast<Datum *>(copy.values));
        keys->hashes = lappend_int(keys->hashes, static_cast<int>(copy.hash));
      }
      MemoryContextSwitchTo(transaction);
    }
    PopActiveSnapshot();
  });
}

void fold_key(Oid owner, Oid parent, const Keys &keys, int place, FoldMode mode, Round *round) {
  const auto hash = static_cast<uint32>(list_nth_int(keys.hashes, place));
  const Failing *before = find_failing(parent, hash);
  if (before != nullptr && GetCurrentTimestamp() < before->again) {
    ++round->failed;
    return;
  }
  Folded folded = Folded::gone;
  const bool well = in_transaction(owner, [&] {
    PushActiveSnapshot(GetTransactionSnapshot());
    if (is_key_of(keys, current_counters(parent, RowExclusiveLock)))
      folded = fold_row(parent, static_cast<const Datum *>(list_nth(keys.values, place)), mode);
    PopActiveSnapshot();
  });
  if (!well) {
    ++round->failed;
    note_failure(parent, hash);
    return;
  }
  note_success(parent, hash);
  if (folded == Folded::folded) ++round->folded;
  round->underway = round->underway || folded == Folded::busy;
}

void fold_parent(Oid owner, Oid parent, FoldMode mode, Round *round) {
  Keys keys{};
  if (!look_for_keys(owner, parent, &keys, round)) ++round->failed;
  for (int place = 0; place < list_length(keys.values); ++place) {
    CHECK_FOR_INTERRUPTS();
    fold_key(owner, parent, keys, place, mode, round);
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
  is_worker = true;
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

// Looking costs a twentieth of what counting does, and one that is there does not look more often itself. Who is told
// of one that has just been killed leaves to it no more than was left to it already, and who appends does not ask here.
bool knows_fold_worker(Oid owner) {
  static Oid asked;
  static TimestampTz until;
  static bool there;
  if (is_worker) return false;
  const TimestampTz now = GetCurrentTimestamp();
  // From a clock that was put back nothing is known.
  if (asked != owner || now >= until || until - now > look_every * 1000) {
    asked = owner;
    until = TimestampTzPlusMilliseconds(now, look_every);
    there = has_fold_worker(owner);
  }
  return there;
}

void call_fold_worker(Oid owner) {
  static TimestampTz called;
  static Oid called_for;
  if (!starts_workers || is_worker || has_fold_worker(owner)) return;
  // One that was called a moment ago may not be there yet. Another owner's is of no use.
  const TimestampTz now = GetCurrentTimestamp();
  if (called_for == owner && TimestampDifferenceMilliseconds(called, now) < call_again_after) return;
  if (!register_worker(owner)) return;
  called = now;
  called_for = owner;
}

}  // namespace ratchet

RATCHET_WORKER(ratchet_fold_worker) { ratchet::start(argument); }
