// tally/parent_trigger.h: what a flush makes of one parent row.
#pragma once

#include "pg/pg.h"

#include "tally/pending.h"

namespace ratchet {

// The columns of a row that change when counts are added to it.
struct Change {
  int count;
  int *attnums;
  Datum *values;
  bool *nulls;
  Bitmapset *completed;  // places in counters->completions that become done, with on_done or notify
  Bitmapset *undone;     // of those that no longer are
  bool decides;          // something becomes complete, or no longer is
  int done;              // how many completions become done, whoever is told
  bool refused;          // by this version of the row: it breaks a limit, or cannot be decided
};

// row: a version of the row; the change is stored only where it is the newest. In the current memory context.
Change change_of(const Counters *counters, TupleTableSlot *row, const Delta *deltas);

// The row of an update with the counters that it must have and completions decided from it. Called by the guard of
// the table when it has judged the row. permission: of the statement; nullptr: none.
struct Permission;
HeapTuple keep_counters(const TriggerData *trigger, Permission *permission, HeapTuple row);

// Errors: 22003 for what no sum would ever come back from when its row goes.
void check_finite(Datum numeric);

// Notes what becomes of completions: by such a change of the row; by its INSERT; by its DELETE.
void note_change(const Counters *counters, const Change &change, TupleTableSlot *row);
void note_inserted(const TriggerData *trigger, const Counters *counters);
void note_gone(const TriggerData *trigger, const Counters *counters);

}  // namespace ratchet
