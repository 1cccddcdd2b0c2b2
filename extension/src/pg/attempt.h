// pg/attempt.h: running something whose errors are not the caller's.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace ratchet {

// What has to end the command whoever is at fault: cancellation, shutdown, lack of resources, deadlock.
inline bool ends_everything(int sqlstate) {
  const int category = ERRCODE_TO_CATEGORY(sqlstate);
  return category == ERRCODE_TO_CATEGORY(ERRCODE_QUERY_CANCELED) ||
         category == ERRCODE_TO_CATEGORY(ERRCODE_OUT_OF_MEMORY) ||
         category == ERRCODE_TO_CATEGORY(ERRCODE_T_R_DEADLOCK_DETECTED);
}

// Runs the body in a subtransaction, which writes nothing by itself and so works on a standby too. Returns its error,
// in the caller's memory, with all that it had done undone; nullptr: it went well.
template <typename Body>
ErrorData *attempt(Body &&body) {
  MemoryContext memory = CurrentMemoryContext;
  ResourceOwner resources = CurrentResourceOwner;
  ErrorData *volatile error = nullptr;
  BeginInternalSubTransaction(nullptr);
  MemoryContextSwitchTo(memory);
  PG_TRY();
  {
    body();
    ReleaseCurrentSubTransaction();
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(memory);
    error = CopyErrorData();
    FlushErrorState();
    RollbackAndReleaseCurrentSubTransaction();
  }
  PG_END_TRY();
  MemoryContextSwitchTo(memory);
  CurrentResourceOwner = resources;
  if (error != nullptr && ends_everything(error->sqlerrcode)) ReThrowError(error);
  return error;
}

// The same where some errors are an answer, which `judge` makes of them once all is undone. True: it has; what it does
// not judge is raised.
template <typename Judge, typename Body>
bool undo_if(Judge &&judge, Body &&body) {
  ErrorData *error = attempt(body);
  if (error != nullptr && !judge(error)) ReThrowError(error);
  return error != nullptr;
}

}  // namespace ratchet
