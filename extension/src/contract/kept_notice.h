// contract/kept_notice.h: what the guard kept or observed, told once a statement.
//
// The guard notes each row in memory of the transaction; when the executor
// finishes the statement, its notes become one NOTICE (SQLSTATE 01R01,
// switched by ratchet.kept_notice) or, in mode observe, one line in the
// server log. A statement that fails takes its notes with it.
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
  kept,          // columns kept their values
  observed,      // they would have
  row_kept,      // the whole row stayed as it was, because the write brought an older value of a column
  row_observed,  // it would have
};

// Notes one row of a table. root: the table, the topmost one of a partition
// tree; guarded: its guarded columns, which live until the end of the
// transaction; columns: the places in it that this is about, of which those that the writer may not read are left out;
// slot: the trigger's tuple slot, which tells the statement.
void note_row(Oid root, const GuardedColumn *guarded, const Bitmapset *columns, Told told, const TupleTableSlot *slot);

}  // namespace ratchet
