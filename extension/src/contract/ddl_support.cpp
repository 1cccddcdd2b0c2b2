#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/array.h"
}

#include <algorithm>

#include "contract/ddl_support.h"
#include "contract/errors.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "pg/relation_argument.h"

namespace ratchet {

const char *name_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? nullptr : pstrdup(NameStr(*PG_GETARG_NAME(argument)));
}

const char *text_or_null(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

// what: an element, in the error where one is NULL.
template <typename Text>
static const char **array_argument(FunctionCallInfo fcinfo, int argument, const char *what, int *count, Text &&text) {
  *count = 0;
  if (PG_ARGISNULL(argument)) return nullptr;
  ArrayType *array = PG_GETARG_ARRAYTYPE_P(argument);
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &alignment);
  Datum *elements;
  bool *nulls;
  deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, &elements, &nulls, count);
  auto **texts = palloc_array<const char *>(*count);
  for (int i = 0; i < *count; ++i) {
    if (nulls[i]) error_null_argument(what);
    texts[i] = text(elements[i]);
  }
  return texts;
}

const char **names_argument(FunctionCallInfo fcinfo, int argument, int *count) {
  return array_argument(fcinfo, argument, "a column name", count,
                        [](Datum element) { return pstrdup(NameStr(*DatumGetName(element))); });
}

const char **texts_argument(FunctionCallInfo fcinfo, int argument, const char *what, int *count) {
  return array_argument(fcinfo, argument, what, count, [](Datum element) { return TextDatumGetCString(element); });
}

Relation open_owned(Oid relid, LOCKMODE lock, const char *action) {
  // Before the lock, which would make the table's writers queue behind somebody who may not have it; and after it,
  // because the owner may have changed while waiting.
  for (const bool locked : {false, true}) {
    const char *name = get_rel_name(relid);
    if (name == nullptr) error_no_relation(relid);
    if (!owns_relation(relid, GetUserId())) error_not_owner(relid, action);
    if (!locked) LockRelationOid(relid, lock);
  }
  return relation_open(relid, NoLock);
}

// nullptr: it is as CREATE TRIGGER leaves it, or shall be.
static const char *switched(const Trigger &trigger, Switches switches) {
  if (trigger.tgenabled == TRIGGER_FIRES_ON_ORIGIN) return nullptr;
  if (trigger.tgenabled == TRIGGER_FIRES_ALWAYS) return "ENABLE ALWAYS";
  if (switches == Switches::enable) return nullptr;
  return trigger.tgenabled == TRIGGER_FIRES_ON_REPLICA ? "ENABLE REPLICA" : "DISABLE";
}

List *switched_triggers(Oid relid, Switches switches, std::initializer_list<TriggerKind> kinds) {
  List *commands = NIL;
  for (const Oid oid : each_oid(find_all_inheritors(relid, AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    for (const TriggerKind kind : kinds)
      for (const Trigger *trigger : find_triggers(member, kind)) {
        if (const char *verb = switched(*trigger, switches))
          commands = lappend(commands, psprintf("ALTER TABLE ONLY %s %s TRIGGER %s", qualified_relation(oid), verb,
                                                quote_identifier(trigger->tgname)));
      }
    table_close(member, NoLock);
  }
  return commands;
}

static void run(const char *sql) {
  const int result = SPI_execute(sql, false, 0);
  // Citus's commands are functions.
  if (result != SPI_OK_UTILITY && result != SPI_OK_SELECT)
    elog(ERROR, "\"%s\" failed: %s", sql, SPI_result_code_string(result));
}

void run_all(const List *commands) {
  SPI_connect();
  ListCell *cell;
  foreach (cell, commands) run(static_cast<const char *>(lfirst(cell)));
  SPI_finish();
}

}  // namespace ratchet
