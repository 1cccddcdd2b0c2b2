#include "activity/wait.h"

extern "C" {
#include "access/xact.h"
}

namespace ratchet {

namespace {

TimestampTz counted_wait;  // when the last wait that was counted began

int64 microseconds_since(instr_time begun) {
  instr_time now;
  INSTR_TIME_SET_CURRENT(now);
  INSTR_TIME_SUBTRACT(now, begun);
  return static_cast<int64>(INSTR_TIME_GET_MICROSEC(now));
}

void count_wait_in(const Tracked &tracked, const Stretch &stretch, int64 time) {
  const TimestampTz waited = last_wait();
  if (waited == stretch.waited) return;
  counted_wait = waited;
  count_wait(tracked, time);
}

}  // namespace

void end_stretch(const Tracked &tracked, const Stretch &stretch) {
  if (stretch.measured && last_wait() != stretch.waited)
    count_wait_in(tracked, stretch, microseconds_since(stretch.begun));
}

void end_submit(const Tracked &tracked, const Stretch &stretch) {
  if (!stretch.measured) return;
  const int64 time = microseconds_since(stretch.begun);
  count_duration(tracked, time);
  count_wait_in(tracked, stretch, time);
}

// A wait of an earlier statement was for something else, and one that was counted is over.
void count_wait_before(const Tracked &tracked) {
  const TimestampTz waited = last_wait();
  if (waited == counted_wait || waited < GetCurrentStatementStartTimestamp() || entry_of(tracked) == nullptr) return;
  counted_wait = waited;
  count_wait(tracked, GetCurrentTimestamp() - waited);
}

}  // namespace ratchet
