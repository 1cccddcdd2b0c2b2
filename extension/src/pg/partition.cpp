#include "pg/partition.h"

extern "C" {
#include "catalog/partition.h"
#include "utils/lsyscache.h"
}

namespace ratchet {

Oid find_topmost_ancestor(Oid relid) {
  while (get_rel_relispartition(relid)) relid = get_partition_parent(relid, true);
  return relid;
}

}  // namespace ratchet
