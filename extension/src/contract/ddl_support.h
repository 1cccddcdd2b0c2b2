// contract/ddl_support.h: what all functions that declare contracts have in common.
#pragma once

#include "pg/pg.h"

#include <initializer_list>

#include "contract/trigger_cache.h"

namespace ratchet {

// What becomes of contract triggers that are disabled, or enabled for replica
// sessions only. Those that are ENABLE ALWAYS stay so in any case.
enum class Switches : unsigned char { enable, keep };

// Arguments that may be NULL: nullptr.
const char *name_argument(FunctionCallInfo fcinfo, int argument);
const char *text_or_null(FunctionCallInfo fcinfo, int argument);

// An array of names, or of texts, of which each is `what`; NULL is an empty one. Errors: 22004 for a NULL in it.
const char **names_argument(FunctionCallInfo fcinfo, int argument, int *count);
const char **texts_argument(FunctionCallInfo fcinfo, int argument, const char *what, int *count);

// Opens a relation that the caller owns; the lock is kept. action: "guard it". Errors: 42501.
Relation open_owned(Oid relid, LOCKMODE lock, const char *action);

// Commands that switch a table's triggers of these kinds, and its partitions',
// as they are now, after CREATE OR REPLACE TRIGGER has enabled them all:
//   ALTER TABLE ONLY schema.table ENABLE ALWAYS TRIGGER "~ratchet_guard"
List *switched_triggers(Oid relid, Switches switches, std::initializer_list<TriggerKind> kinds);

// Runs DDL commands (const char *), in order, as the caller.
void run_all(const List *commands);

}  // namespace ratchet
