// pg/two_phase.h: whether the transaction is about to be prepared.
//
// A deferred trigger cannot tell COMMIT from PREPARE TRANSACTION: both fire it, and nothing that PostgreSQL shows says
// for which. What can is the command itself, which passes the utility hook before the transaction ends.
#pragma once

#include "pg/pg.h"

namespace ratchet {

void init_two_phase();

// Whether PREPARE TRANSACTION has been given in this transaction, and deferred triggers fire for it. What waits then,
// waits where nobody looks: others may hold what it waits for in a transaction that is prepared already, and no
// deadlock detector knows of that.
bool is_preparing();

// When the transaction has ended.
void forget_preparing();

}  // namespace ratchet
