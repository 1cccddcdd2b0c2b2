// guard/move.h: rows that the guard has judged, on their way from one partition to another.
//
// An UPDATE that changes a partition key is a DELETE and an INSERT to the triggers of the two partitions. The guard
// remembers such a row, in memory of the transaction, so that its own triggers can tell the two halves from a DELETE
// and an INSERT of somebody's.
//
// The first half can come only while the executor is at that row. With the next one, and however its run ends, the
// executor resets the memory of the row, and then the move is no pass for a DELETE any more: be it of the same row, in
// the same statement (MERGE can come to a row again), where another trigger has suppressed the move.
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

// At the end of the transaction.
void forget_moves();

}  // namespace ratchet
