// guard/suspend.h: contracts that a transaction has suspended for itself.
//
// A list in memory of the transaction, in no setting that a session could
// fake. A rollback to a savepoint takes back what was suspended after it; the
// end of the transaction takes back everything.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// Before COMMIT and PREPARE: a line in the server log for each contract that was suspended.
void report_suspensions();
void forget_suspensions();
// A subtransaction is released, or rolled back.
void hand_over_suspensions(SubTransactionId subtransaction, SubTransactionId parent);
void drop_suspensions(SubTransactionId subtransaction);

// Whether this transaction has suspended the guard contract of a table. root: the topmost one of a partition tree.
bool is_suspended(Oid root);

// Notes that a row of it was written, or deleted, or the table truncated, without enforcement.
void count_suspended(Oid root);

}  // namespace ratchet
