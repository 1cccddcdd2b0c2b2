// tally/compiled.h: expressions that are evaluated for each row, compiled for one transaction.
//
// What is compiled lies in memory of the transaction. It is compiled anew after a rollback to a savepoint, whose
// functions' state and locks have gone, and while an evaluation is under way further up the stack.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/execnodes.h"
#include "nodes/primnodes.h"
}

namespace ratchet {

struct Compiled {
  Expr **expressions;  // of the object that this belongs to, in its memory; nullptr at a place where there is none
  int count;

  uint64 epoch;               // see current_epoch(); of another one: nothing below may be used
  uint64 transaction;         // see current_transaction(); of another one: the context has gone
  MemoryContext context;      // valid only in that transaction
  bool busy;                  // an evaluation has begun and not returned
  SubTransactionId begun_in;  // valid only if busy
  ExprContext *econtext;
  ExprState **states;  // nullptr where there is no expression
};

// The value of an expression for a row, in the current memory context, which is to be one per row. Compiling it checks
// that the current user may execute its functions.
Datum evaluate(Compiled *compiled, int place, TupleTableSlot *row, bool *isnull);

// Counts transactions, and savepoints that were rolled back to.
uint64 current_epoch();
// Counts transactions.
uint64 current_transaction();

// What is compiled, and which parents are locked, holds until the transaction ends or a subtransaction is rolled back.
void expire_with_transaction();
void expire_with_subtransaction();

}  // namespace ratchet
