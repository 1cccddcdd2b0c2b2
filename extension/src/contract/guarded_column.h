// contract/guarded_column.h: a column that only a contract may write.
#pragma once

#include "pg/pg.h"

namespace ratchet {

struct GuardedColumn {
  AttrNumber attnum;
  int16 typlen;
  bool typbyval;
  const char *name;
};

}  // namespace ratchet
