// tally/completion.cpp: calling on_done, once a completion, in the transaction that completes.
//
// It is called after all counters of a flush are written, as the owner of the
// tables and with a search_path that nobody but a superuser can put names into.
// What it raises fails the whole transaction: there is no completion without it.
#include "pg/pg.h"

extern "C" {
#include "catalog/pg_proc.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "parser/parse_coerce.h"
#include "utils/json.h"
}

#include "contract/errors.h"
#include "contract/values.h"
#include "pg/attempt.h"
#include "pg/fence.h"
#include "pg/guc_nest.h"
#include "pg/json_text.h"
#include "pg/list.h"
#include "pg/quote.h"
#include "pg/row_value.h"
#include "pg/user_context.h"
#include "tally/completion.h"
#include "tally/pending.h"

namespace ratchet {

namespace {

// One on_done function may complete something else, whose on_done function may complete a third thing, and so on.
constexpr int max_chain = 64;

[[noreturn]] void refuse(Relation parent, int sqlstate, const char *signature, const char *why) {
  ereport(ERROR, errcode(sqlstate),
          errmsg("function %s cannot be on_done of relation \"%s\"", signature, RelationGetRelationName(parent)),
          errdetail_internal("%s", why), errtable(parent));
  pg_unreachable();
}

void name_completion(void *argument) {
  const auto *completed = static_cast<const Completed *>(argument);
  errcontext("on_done function %s of relation \"%s\"",
             completed->counters->completions[completed->place].terms->on_done,
             get_rel_name(completed->counters->root));
}

//   SELECT schema.function($1::type, ...)
const char *call_of(Oid function, int nkey) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(
      &sql, "SELECT %s(",
      quote_qualified_identifier(get_namespace_name(get_func_namespace(function)), get_func_name(function)));
  Oid *types;
  int count;
  get_func_signature(function, &types, &count);
  // The declared types: an overload that fits the key better is not what was declared.
  for (int i = 0; i < nkey; ++i)
    appendStringInfo(&sql, "%s$%d::%s", i > 0 ? ", " : "", i + 1, qualified_type(types[i]));
  appendStringInfoChar(&sql, ')');
  return sql.data;
}

void call(const Completed *completed, const char *signature, int flags) {
  const Counters *counters = completed->counters;
  Oid types[INDEX_MAX_KEYS];
  for (int i = 0; i < counters->nkey; ++i) types[i] = counters->key[i].type;
  // The writer needs no right to look up what the owner has named.
  const User caller = become(counters->owner, flags);
  Relation parent = table_open(counters->root, AccessShareLock);
  const Oid function =
      completion_function(parent, signature, types, counters->nkey, counters->owner, sqlstate_unenforceable);
  table_close(parent, NoLock);

  ErrorContextCallback callback{error_context_stack, fenced<name_completion>, const_cast<Completed *>(completed)};
  error_context_stack = &callback;
  // An error leaves user and settings to the (sub)transaction's abort, which restores them.
  const int level = NewGUCNestLevel();
  pin_search_path();
  SPI_connect();
  const int result = SPI_execute_with_args(call_of(function, counters->nkey), counters->nkey, types,
                                           const_cast<Datum *>(completed->key), nullptr, false, 0);
  if (result != SPI_OK_SELECT) elog(ERROR, "calling on_done failed: %s", SPI_result_code_string(result));
  SPI_finish();
  restore(caller);
  AtEOXact_GUC(false, level);
  error_context_stack = callback.previous;
}

//   {"parent": "public.runs", "key": {"id": 7}}, as jsonb writes it
void notify(const Completed *completed) {
  const Counters *counters = completed->counters;
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoString(&out, "{\"parent\": ");
  escape_json(&out, qualified_relation(counters->root));
  appendStringInfoString(&out, ", \"key\": {");
  for (int i = 0; i < counters->nkey; ++i)
    append_json_member(&out, counters->key[i].name, counters->key[i].type, completed->key[i], false);
  appendStringInfoString(&out, "}}");
  Async_Notify("ratchet", text_of_value(JSONBOID, jsonb_of_text(out.data)));
}

}  // namespace

Oid completion_function(Relation parent, const char *signature, const Oid *key_types, int nkey, Oid owner,
                        int sqlstate) {
  Oid function = InvalidOid;
  // Also names that the owner may not look up.
  const ErrorData *error = attempt([&] { function = find_function(signature); });
  if (error != nullptr) refuse(parent, sqlstate, signature, psprintf("It cannot be found: %s.", error->message));
  if (!OidIsValid(function)) refuse(parent, sqlstate, signature, "There is no such function.");
  Oid *types;
  int count;
  get_func_signature(function, &types, &count);
  bool fits = count == nkey;
  for (int i = 0; fits && i < nkey; ++i) fits = can_coerce_type(1, &key_types[i], &types[i], COERCION_IMPLICIT);
  if (!fits) refuse(parent, sqlstate, signature, "It must take the columns of the parent's key, in their order.");
  if (get_func_prokind(function) != PROKIND_FUNCTION)
    refuse(parent, sqlstate, signature, "It is not an ordinary function.");
  if (!may_execute(function, owner)) refuse(parent, sqlstate, signature, "The tables' owner may not execute it.");
  return function;
}

void complete(const List *completed, int chain, int flags) {
  if (completed == NIL) return;
  const int outer = running_chain();
  if (chain >= max_chain)
    ereport(ERROR, errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
            errmsg("on_done functions complete one another more than %d times", max_chain),
            errhint("Let the functions not undo each other's work."));
  PG_TRY();
  {
    set_running_chain(chain + 1);
    for (const auto *one : each<Completed>(completed)) {
      const CompletionTerm *terms = one->counters->completions[one->place].terms;
      if (terms->notify) notify(one);
      if (terms->on_done != nullptr) call(one, terms->on_done, flags);
    }
  }
  PG_FINALLY();
  { set_running_chain(outer); }
  PG_END_TRY();
}

}  // namespace ratchet
