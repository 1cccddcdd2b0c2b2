// tally/fold_worker.h: a background worker that adds spilled counts to their rows when nobody else comes.
//
// One for each database that has spilled counts, and each owner of tables there, started by a transaction that spills
// and finds none. Nothing of it is preloaded, and it goes when there is nothing left to do.
//
// Nobody is left unattended. Who spills first stores the row and then looks whether a worker is there, which its lock
// shows. A worker that wants to go first gives up the lock and then looks once more for rows, also of transactions that
// have not ended. Whichever of the two comes first, one of them sees the other.
#pragma once

#include "pg/pg.h"

namespace ratchet {

void init_fold_worker();

// Starts the worker for an owner's tables in this database unless there is one. Whether that succeeds is not waited
// for: the next who gets a row folds too, and ratchet.health() says what lies unattended.
void call_fold_worker(Oid owner);

// Whether it is there. Costs a lock.
bool has_fold_worker(Oid owner);

// The same as this session has seen it within the last 50 ms.
bool knows_fold_worker(Oid owner);

}  // namespace ratchet
