// pg/dependency.h: what pg_depend says of an object.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "utils/fmgroids.h"
}

namespace ratchet {

// Whether any recorded dependency of an object is one that `is` says yes to.
template <typename Is>
bool depends_on_any(Oid classid, Oid objid, Is &&is) {
  Relation catalog = table_open(DependRelationId, AccessShareLock);
  ScanKeyData keys[2];
  ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(classid));
  ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(objid));
  SysScanDesc scan = systable_beginscan(catalog, DependDependerIndexId, true, nullptr, 2, keys);
  bool found = false;
  while (HeapTuple tuple = systable_getnext(scan)) {
    const auto form = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
    found = found || is(form);
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return found;
}

}  // namespace ratchet
