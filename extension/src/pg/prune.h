// pg/prune.h: when a counted parent's page is pruned.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "storage/buf.h"
#include "storage/off.h"
}

namespace ratchet {

// Called after an update of a row's version, at this place of the page in this buffer. Where it has left many old
// versions on the page, says that pruning would help; but not if contended, by who has waited for the row. Otherwise
// takes the page's hint that it may, unless another version of that length no longer fits and pruning would free a
// tenth of the page. Locks: the buffer, which the caller has pinned, shared, for the call.
void time_pruning(Buffer buffer, OffsetNumber version, Size length, bool contended);

// Whether old versions of the row whose version is at this place pile up on the page although somebody has been told to
// prune it: a snapshot that is held open still needs them. Locks: as above.
bool is_piling_up(Buffer buffer, OffsetNumber version);

}  // namespace ratchet
