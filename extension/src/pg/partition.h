// pg/partition.h: where a partition belongs.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// The topmost partitioned ancestor of a table or an index; what is no partition is its own. A partition belongs to its
// parent until it is detached: also while DETACH PARTITION CONCURRENTLY waits, when get_partition_ancestors() already
// knows no parent of it and writers that have the tables open still write there.
Oid find_topmost_ancestor(Oid relid);

}  // namespace ratchet
