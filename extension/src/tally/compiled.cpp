#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "executor/executor.h"
}

#include "pg/memory.h"
#include "tally/compiled.h"

namespace ratchet {

namespace {

uint64 epoch = 1;        // see current_epoch()
uint64 transaction = 1;  // see current_transaction()

// Whether an evaluation may still be under way, further up the stack: then its subtransaction is. One that has failed
// has ended its subtransaction.
bool is_in_use(const Compiled *compiled) { return compiled->busy && SubTransactionIsActive(compiled->begun_in); }

// In memory of the transaction, not of the subtransaction: that would be kept, with every
// compilation in it, until the transaction ends.
void compile(Compiled *compiled) {
  if (compiled->transaction == transaction && !is_in_use(compiled)) MemoryContextDelete(compiled->context);
  compiled->epoch = compiled->transaction = 0;
  compiled->context = AllocSetContextCreate(TopTransactionContext, "ratchet expressions", ALLOCSET_SMALL_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(compiled->context);
  compiled->econtext = CreateStandaloneExprContext();
  compiled->states = palloc0_array<ExprState *>(compiled->count);
  for (int i = 0; i < compiled->count; ++i)
    if (compiled->expressions[i] != nullptr) compiled->states[i] = ExecInitExpr(compiled->expressions[i], nullptr);
  MemoryContextSwitchTo(caller);
  compiled->epoch = epoch;
  compiled->transaction = transaction;
  compiled->busy = false;
}

}  // namespace

Datum evaluate(Compiled *compiled, int place, TupleTableSlot *row, bool *isnull) {
  // What was compiled for this transaction, unless an evaluation did not return:
  // it failed and may have left its functions' state behind, or it is still
  // under way further up the stack.
  if (compiled->epoch != epoch || compiled->busy) compile(compiled);
  compiled->busy = true;
  compiled->begun_in = GetCurrentSubTransactionId();
  compiled->econtext->ecxt_scantuple = row;
  const Datum value = ExecEvalExpr(compiled->states[place], compiled->econtext, isnull);
  compiled->busy = false;
  return value;
}

uint64 current_epoch() { return epoch; }

uint64 current_transaction() { return transaction; }

void expire_with_transaction() {
  ++epoch;
  ++transaction;
}

// Functions of compiled expressions may hold what the subtransaction has given back, and its locks have gone.
void expire_with_subtransaction() { ++epoch; }

}  // namespace ratchet
