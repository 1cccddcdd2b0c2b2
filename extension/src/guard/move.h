// guard/move.h: rows that the guard has judged, on their way from one partition to another.
//
// An UPDATE that changes a partition key is a DELETE and an INSERT to the triggers of the two partitions. The guard
// remembers such a row, in memory of the transaction, so that its own triggers can tell the two halves from a DELETE
// and an INSERT of somebody's. What is remembered belongs to one executor run, whose slot the triggers of both
// partitions are called with, and goes with it: also what never left, because another trigger has suppressed it.
#pragma once

#include "pg/pg.h"

#include "guard/guard_contract.h"

namespace ratchet {

// Remembers a row that the guard has judged and whose partition key changes. row: what the guard lets through.
void remember_move(const TriggerData *trigger, const GuardContract *contract, HeapTuple row);

// Whether the row that a BEFORE DELETE trigger is called for is taken out of its partition by such a move.
bool leaves_by_move(const TriggerData *trigger);

// Whether the row that is being inserted now is a judged one that arrives.
bool arrives_by_move(Relation relation, const GuardContract *contract, HeapTuple tuple);

// At the end of the transaction, of an executor run, and when a subtransaction was rolled back.
void forget_moves();
void forget_moves_of(const EState *estate);
void forget_moves_since(SubTransactionId subtransaction);

}  // namespace ratchet
