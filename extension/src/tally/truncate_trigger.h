// tally/truncate_trigger.h: what others must know while a TRUNCATE is under way.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// The memory goes with the transaction.
void forget_truncates();
// The current subtransaction is rolled back.
void forget_truncates_of_subtransaction();

// Whether the rows of this partition are counted as a whole when the TRUNCATE that is under way ends, and so not one by
// one.
bool is_counted_at_end(Oid relation);

// Whether a TRUNCATE of counted tables has begun and not ended: what it does is written, and judged, once, at its end.
bool is_truncating();

}  // namespace ratchet
