// progress.h: what is told about a parent row.
//
//   {"parent": "public.runs", "key": {"id": 7}, "columns": {"evaluated_count": 4, "total": 10, ...}, "done": false}
#pragma once

#include "pg/pg.h"

#include "pending.h"

namespace ratchet {

// Writes what is pending, and returns a jsonb array about the parent rows that
// were touched since: rows that the caller may not read are left out. `any` is
// false when no parent row was touched.
Datum progress_since(uint64 serial, bool *any);

}  // namespace ratchet
