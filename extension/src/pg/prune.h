// pg/prune.h: when a counted parent's page is pruned.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "storage/buf.h"
}

namespace ratchet {

// Called after an update of a row version on the page in this buffer: takes the page's hint that
// pruning may help, unless another version of that length no longer fits and
// pruning would free a tenth of the page. Locks: the buffer, which the caller has pinned, shared, for the
// call.
void time_pruning(Buffer buffer, Size length);

}  // namespace ratchet
