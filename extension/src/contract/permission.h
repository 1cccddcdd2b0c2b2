// contract/permission.h: what a verb may do that a plain UPDATE may not.
//
// The permission is a frame on the C stack of the verb, found through one
// static pointer. It belongs to one executor run: the guard grants it only to
// a trigger call whose tuple slot is owned by that run's EState. No other
// statement, at whatever depth and on whatever row, has that slot: not a
// trigger underneath, not a function in a policy or a CHECK constraint, not a
// session that sets a variable. One row spends it. PG_FINALLY restores the
// pointer, so errors, savepoints and exception blocks undo it.
#pragma once

#include "pg/pg.h"

namespace ratchet {

struct GuardContract;
struct Counters;
struct Spilled;
struct Delta;

enum class Verb : unsigned char {
  submit,
  update,
  amend,
  advance,  // moves one state along its graph
  beat,     // sets the heartbeat
  count,    // a flush adds what is pending to the counters of one parent row
  recount   // the statement sets counters to what it has counted, in any number of rows
};

struct Permission {
  Verb verb;
  bool omits_guard;            // the guard would have nothing to decide: it may be left out of the run
  const char *const *patched;  // names of the columns that the caller set; names, because partitions renumber
  int npatched;
  const Bitmapset *hidden;  // places in `patched` of columns that the caller may not read: told of as if they changed

  EState *estate;  // of the verb's run; nullptr until the executor has started
  bool judged;     // the guard has seen the run's row: spent

  const Delta *deltas;       // valid only if verb is count: in the order of `counters`
  const Counters *counters;  // valid only if verb is count
  const Spilled *folded;     // valid only if verb is count: of the deltas what lies spilled yet; nullptr: nothing

  const char *state;   // valid only if verb is advance: the state column's name
  const char *target;  // valid only if verb is advance: the state to move to, as text
  bool only_replays;   // of advance: a row that the idempotency key has not moved before is left out, without a reason

  // What the guard found out about the row.
  bool left_out;       // nothing was written, and that is the answer
  const char *stale;   // because it brings another version, or a smaller fence: that column; nullptr: it does not
  bool finished;       // of beat: because the row is finished, or in no state in which somebody works on it
  bool refused;        // of advance: because the graph does not lead there
  bool already_there;  // of advance: because the row is in that state
  bool replayed;       // of advance: because the same idempotency key has moved it before
  const char *was;     // of advance: the state before, as text; nullptr: NULL
  const char *is;      // of advance: the state afterwards, as text
  Bitmapset *kept;     // places in `patched` that the contract kept; in the verb's memory
  Bitmapset *changed;  // places in `patched` that changed; in the verb's memory
  MemoryContext memory;
};

// The permission that this trigger call runs under; nullptr for everybody else.
Permission *find_permission(const TriggerData *trigger);

// The same of a trigger call, BEFORE or AFTER, that belongs to the verb's own statement, spent or not.
Permission *find_run_permission(const TriggerData *trigger);

// Set and restored by run_statement() alone.
extern Permission *current_permission;

}  // namespace ratchet
