// prune.h: when a counted parent's page is pruned.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "storage/itemptr.h"
#include "utils/relcache.h"
}

namespace ratchet {

// Called after an update of the row version at `tid`: takes the page's hint that
// pruning may help, unless another version of that length no longer fits and
// pruning would free a tenth of the page. Locks: the page's buffer, shared, for the
// call.
void put_off_pruning(Relation relation, const ItemPointerData *tid, Size length);

}  // namespace ratchet
