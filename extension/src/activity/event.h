// activity/event.h: everything that is counted of a contract.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// What a contract is to those who watch it. A parent's counters are what several tallies may write together.
enum class TrackedKind : unsigned char { guard, tally, parent };

enum class Event : unsigned char {
  // Outcomes of calls, of a guard.
  submitted,
  replayed,
  already_submitted,
  conflict,
  key_reused,
  stale,
  limited,
  full,
  not_found,
  advanced,
  already_there,
  refused,
  updated,
  unchanged,
  alive,
  finished,
  amended,
  swept,
  closed,  // by a plain write, which no call answers
  // Rows, of a guard or of a parent's counters.
  kept,       // protected columns kept their values against a write
  rejected,   // a write was refused with an error
  observed,   // what would have been kept or rejected was let through
  suspended,  // written without being judged
  // Rows of a child, of a tally.
  counted,  // came, went, or changed in what is counted
  // Of a parent's counters.
  flushed,    // a row was written with what a transaction had counted
  completed,  // a completion was told of
  spilled,    // what was counted for a row was appended beside it
  folded      // that was added to the row
};

inline constexpr int event_count = static_cast<int>(Event::folded) + 1;

const char *name_of(Event event);

// The event of a verb's outcome, which has its name.
Event event_of(const char *outcome);

// Whether somebody has tried something, which one may want to read of: counts, and what is written without being
// judged, are the work of the database, or told of elsewhere.
inline bool is_attempt(Event event) { return event <= Event::observed; }

// Whether it is a change that is undone when its transaction rolls back: of the other events nothing was to be undone.
inline bool is_change(Event event) {
  switch (event) {
    case Event::submitted:
    case Event::advanced:
    case Event::updated:
    case Event::alive:
    case Event::amended:
    case Event::swept:
    case Event::closed:
    case Event::kept:
    case Event::observed:
    case Event::suspended:
    case Event::counted:
      return true;
    default:
      return false;
  }
}

}  // namespace ratchet
