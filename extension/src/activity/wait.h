// activity/wait.h: how long writers of a contract's rows wait for others, and how long calls take.
//
// That a session has waited for a lock it need not watch for: the lock manager starts the deadlock timer whenever it
// begins to wait, and the timer remembers when that was, also after it was stopped. So a stretch of work has waited if
// the timer has another start after it than before.
//
// A verb or a flush measures its own stretch, from its first look at the row until it is done. Of a plain UPDATE the
// executor waits before any trigger is called; its guard finds the wait when it is called, and counts the time since
// the wait began. That is less than the whole where the executor has waited several times for one row, first in the
// queue for it and then for who was before. An UPDATE that finds nothing to write after its wait calls no trigger, and
// its wait is not counted.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "portability/instr_time.h"
#include "utils/timeout.h"
}

#include "activity/statistics.h"

namespace ratchet {

struct Stretch {
  bool measured;
  instr_time begun;    // valid only if measured
  TimestampTz waited;  // when the last wait before it began; valid only if measured
};

// When this session last began to wait for a lock.
inline TimestampTz last_wait() { return get_timeout_start_time(DEADLOCK_TIMEOUT); }

inline Stretch begin_stretch(const Tracked &tracked) {
  Stretch stretch;
  stretch.measured = entry_of(tracked) != nullptr;
  if (!stretch.measured) return stretch;
  INSTR_TIME_SET_CURRENT(stretch.begun);
  stretch.waited = last_wait();
  return stretch;
}

// Counts the wait, if there was one.
void end_stretch(const Tracked &tracked, const Stretch &stretch);

// The same, and how long it took, as a call of submit().
void end_submit(const Tracked &tracked, const Stretch &stretch);

// Counts the wait of a plain UPDATE that has come to a row of the contract, if there was one.
void count_wait_before(const Tracked &tracked);

}  // namespace ratchet
