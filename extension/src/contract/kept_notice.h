// contract/kept_notice.h: what the guard kept or observed, told once a statement.
//
// The guard notes each row in memory of the transaction; when the executor
// finishes the statement, its notes become one NOTICE for the client (SQLSTATE 01R01,
// switched by ratchet.kept_notice) of what was kept, and one line in the server log
// (activity/attempt_log.h) of what was kept or observed. A statement that fails takes its notes with it.
#pragma once

#include "pg/pg.h"

#include "contract/guarded_column.h"

namespace ratchet {

void init_notes();
// When an executor run has finished: its notes, those of partitions merged.
void report_kept(const EState *estate);
void forget_notes();
// A subtransaction was rolled back.
void forget_notes_since(SubTransactionId subtransaction);

// What is told of a row.
enum class Told : unsigned char {
  kept,      // columns kept their values
  row_kept,  // the whole row stayed as it was, because the write brought an older value of a column
  observed   // one of these would have been, or the write would have been rejected
};

// Notes the row that a trigger was called for. root: the table, the topmost one of a partition
// tree; guarded: its guarded columns, which live until the end of the
// transaction; columns: the places in it that this is about; sqlstate: with which the write would have been rejected;
// 0: it would not.
void note_row(const TriggerData *trigger, Oid root, const GuardedColumn *guarded, const Bitmapset *columns, Told told,
              int sqlstate = 0);

}  // namespace ratchet
