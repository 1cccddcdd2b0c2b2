// verb/progress.h: what is told about a parent row.
//
//   {"parent": "public.runs", "key": {"id": 7}, "columns": {"evaluated_count": 4, "total": 10, ...}, "done": false}
#pragma once

#include "pg/pg.h"

#include "tally/pending.h"

namespace ratchet {

// Writes what is pending, and returns a jsonb array about the parent rows that
// were touched since: rows that the caller may not read are left out. `any` is
// false when no parent row was touched.
Datum progress_since(uint64 serial, bool *any);

// A verb that answers the progress of the parents that it counted for, if it is asked to.
struct Watch {
  bool asked;
  uint64 since;  // pending_serial() before it; valid only if asked
  bool watched;  // whether entries were watched before it; valid only if asked
};

// argument: its place, of the boolean that asks. Who asks holds the parents' rows from here to the end of the
// transaction, in an order of its own; who does not, from just before COMMIT, in the order of the flush.
Watch start_watching(FunctionCallInfo fcinfo, int argument);

// The parents that the verb has counted for, if it did what it was to do (`done`), as they will commit: written and
// locked now, so that of several last rows exactly one verb is told that it completed them. False: nobody has asked, or
// there are none.
bool end_watching(const Watch &watch, bool done, Datum *progress);

// The same for a verb that was undone.
void stop_watching(const Watch &watch);

}  // namespace ratchet
