// pg/column_right.h: what the current user may do with a column.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/acl.h"
}

namespace ratchet {

inline bool may_select(Oid relation, AttrNumber attnum) {
  return pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
         pg_attribute_aclcheck(relation, attnum, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

}  // namespace ratchet
