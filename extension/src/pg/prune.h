// pg/prune.h: when a counted parent's page is pruned.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "storage/buf.h"
}

namespace ratchet {

// Called after an update of a row version on the page in this buffer. Where old versions are many and rows few, says
// that pruning would help. Otherwise takes the page's hint that it may, unless another version of that length no longer
// fits and pruning would free a tenth of the page. Locks: the buffer, which the caller has pinned, shared, for the
// call.
void time_pruning(Buffer buffer, Size length);

// Whether old versions pile up on the page although somebody has been told to prune it: a snapshot that is held open
// still needs them. Locks: as above.
bool is_piling_up(Buffer buffer);

}  // namespace ratchet
