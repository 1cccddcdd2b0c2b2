// pg/relation_argument.h: an argument that names a relation.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// 42P01
[[noreturn]] inline void error_no_relation(Oid relid) {
  ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid));
  pg_unreachable();
}

// An optional argument of type regclass; InvalidOid: it is NULL. Errors: 42P01 for 0, which is no table, and not all.
inline Oid relation_or_null(FunctionCallInfo fcinfo, int argument) {
  if (PG_ARGISNULL(argument)) return InvalidOid;
  const Oid relid = PG_GETARG_OID(argument);
  if (!OidIsValid(relid)) error_no_relation(relid);
  return relid;
}

}  // namespace ratchet
