// activity/report.h: the one way by which verbs, guard and tallies say what happened to a contract.
//
// Whoever reads it, statistics or whatever else there is, is called here, so that the code that decides says each thing
// once. What describes the row and the caller costs more than the rest, so it is made by a function of the reporter,
// and only where somebody asks for it.
#pragma once

#include "pg/pg.h"

#include "activity/attempt_log.h"
#include "activity/audit.h"
#include "activity/event.h"
#include "activity/statistics.h"

namespace ratchet {

// What is kept and observed of a statement is logged once, when it ends (contract/kept_notice.h).
inline bool is_logged_at_once(Event event) {
  return event != Event::kept && event != Event::observed && is_logged(event);
}

// rows: how many it happened to. columns: names of those that it is about, char *. describe(Description *): fills in
// what is known. Of an error it is told before it is raised.
template <typename Describe>
void report(const Tracked &tracked, Event event, int64 rows, const List *columns, Describe &&describe) {
  count_event(tracked, event, rows);
  if (columns != NIL) count_columns(tracked, event, columns);
  const bool logs = is_logged_at_once(event);
  const bool audits = tracked.audited && is_audited(event);
  if (!logs && !audits) return;
  Description told{};
  describe(&told);
  if (logs) log_attempt({tracked.relation, event, rows, columns, told.key, told.sqlstate}, false);
  if (audits) audit_attempt(tracked.relation, tracked.attempts, event, columns, told);
}

inline void report(const Tracked &tracked, Event event, int64 rows = 1) { count_event(tracked, event, rows); }

}  // namespace ratchet
