// pg/procedure_call.h: whether a procedure was called so that it may end transactions.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/parsenodes.h"
}

namespace ratchet {

// Whether it was called by itself, or by such a procedure, outside of transaction blocks.
inline bool may_commit(FunctionCallInfo fcinfo) {
  const auto *call = reinterpret_cast<const CallContext *>(fcinfo->context);
  return call != nullptr && IsA(call, CallContext) && !call->atomic;
}

// procedure: "ratchet.repair()". Errors: 25001 where it was not.
inline void require_own_transactions(FunctionCallInfo fcinfo, const char *procedure) {
  if (may_commit(fcinfo)) return;
  ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION), errmsg("%s cannot run inside a transaction block", procedure),
          errhint("It commits as it goes: CALL it by itself."));
}

}  // namespace ratchet
