// declaration.h: what all functions that declare contracts have in common.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// Arguments that may be NULL: nullptr.
const char *name_argument(FunctionCallInfo fcinfo, int argument);
const char *text_or_null(FunctionCallInfo fcinfo, int argument);

// An array of names; NULL is an empty one. Errors: 22004 for a NULL in it.
const char **names_argument(FunctionCallInfo fcinfo, int argument, int *count);

// 0A000: an argument that a later version will understand.
[[noreturn]] void refuse_policy(const char *argument);

// Opens a relation that the caller owns; the lock is kept. action: "guard it". Errors: 42501.
Relation open_owned(Oid relid, LOCKMODE lock, const char *action);

// Runs DDL commands (const char *), in order, as the caller.
void run_all(const List *commands);

}  // namespace ratchet
