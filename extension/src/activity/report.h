// activity/report.h: the one way by which verbs, guard and tallies say what happened to a contract.
//
// Whoever reads it, statistics or whatever else there is, is called here, so that the code that decides says each thing
// once. What describes the row and the caller costs more than the rest, so it is made by a function of the reporter,
// and only where somebody asks for it.
#pragma once

#include "pg/pg.h"

#include "activity/event.h"
#include "activity/statistics.h"

namespace ratchet {

// What is told of an attempt beside its contract and what became of it. In the memory that is current.
struct Description {
  const char *key;              // of the row, as text; nullptr: not known
  const char *actor;            // nullptr: none is named
  const char *idempotency_key;  // the same
  int sqlstate;                 // of the error that is about to be raised; 0: none is
};

// rows: how many it happened to. columns: names of those that it is about, char *. describe(Description *): fills in
// what is known. Of an error it is told before it is raised.
template <typename Describe>
void report(const Tracked &tracked, Event event, int64 rows, const List *columns,
            [[maybe_unused]] Describe &&describe) {
  count_event(tracked, event, rows);
  if (columns != NIL) count_columns(tracked, event, columns);
}

inline void report(const Tracked &tracked, Event event, int64 rows = 1) { count_event(tracked, event, rows); }

}  // namespace ratchet
