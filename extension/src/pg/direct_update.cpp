#include "pg/direct_update.h"

extern "C" {
#include "access/genam.h"
#include "access/tableam.h"
}

namespace ratchet {

bool find_by_key(Relation relation, Relation index, ScanKeyData *keys, int count, TupleTableSlot *slot) {
  IndexScanDesc scan = begin_index_scan(relation, index, GetActiveSnapshot(), count);
  index_rescan(scan, keys, count, nullptr, 0);
  const bool found = index_getnext_slot(scan, ForwardScanDirection, slot);
  index_endscan(scan);
  return found;
}

}  // namespace ratchet
