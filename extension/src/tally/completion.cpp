// tally/completion.cpp: calling on_done, once a completion, in the transaction that completes.
//
// It is called after all counters of a flush are written, as the owner of the
// tables and with a search_path that nobody but a superuser can put names into.
// What it raises fails the whole transaction: there is no completion without it.
#include "pg/pg.h"

extern "C" {
#include "catalog/pg_proc.h"
#include "commands/async.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/snapmgr.h"
}

#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "contract/trigger_cache.h"
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

struct Found {
  const char *signature;
  Oid function;     // InvalidOid: it is not there
  const char *why;  // valid only if it is not
};

Found look_up(const char *signature) {
  Found found{signature, InvalidOid, "There is no such function."};
  // Also names that the owner may not look up.
  const ErrorData *error = attempt([&] { found.function = find_function(signature); });
  if (error != nullptr) found.why = psprintf("It cannot be found: %s.", error->message);
  return found;
}

// Whether the function can be called. Errors: sqlstate.
void check_function(Relation parent, const Found &found, const Oid *key_types, int nkey, Oid owner, int sqlstate) {
  const char *signature = found.signature;
  if (!OidIsValid(found.function)) refuse(parent, sqlstate, signature, found.why);
  Oid *types;
  int count;
  get_func_signature(found.function, &types, &count);
  bool fits = count == nkey;
  for (int i = 0; fits && i < nkey; ++i) fits = can_coerce_type(1, &key_types[i], &types[i], COERCION_IMPLICIT);
  if (!fits) refuse(parent, sqlstate, signature, "It must take the columns of the parent's key, in their order.");
  if (get_func_prokind(found.function) != PROKIND_FUNCTION)
    refuse(parent, sqlstate, signature, "It is not an ordinary function.");
  if (get_func_retset(found.function)) refuse(parent, sqlstate, signature, "It returns a set.");
  if (!may_execute(found.function, owner)) refuse(parent, sqlstate, signature, "The tables' owner may not execute it.");
}

void name_completion(void *argument) {
  const auto *completed = static_cast<const Completed *>(argument);
  errcontext("on_done function %s of relation \"%s\"",
             completed->counters->completions[completed->place].terms->on_done,
             get_rel_name(completed->counters->root));
}

// The function as the contract names it now; nullptr: the contract does not any more. Read past the cache: a rename
// takes no lock on the table, and may have committed since the counters were read.
const char *read_signature(const Completed *completed) {
  AcceptInvalidationMessages();
  const StoredTrigger *stored = stored_trigger(completed->counters->trigger);
  if (stored == nullptr) return nullptr;
  const ParentTerms *kept = parse_parent_arguments(stored->arguments, stored->narguments);
  const char *done = completed->counters->completions[completed->place].terms->done;
  for (int i = 0; i < kept->ncompletions; ++i) {
    const CompletionTerm &now = kept->completions[i];
    if (now.on_done != nullptr && strcmp(now.done, done) == 0) return now.on_done;
  }
  return nullptr;
}

// A name that somebody has given away while it was looked up means nothing, or something else: it is read once more.
Found find_now(const Completed *completed) {
  constexpr int most_renames = 10;
  const char *signature = read_signature(completed);
  if (signature == nullptr) signature = completed->counters->completions[completed->place].terms->on_done;
  int waits = 0;
  for (int renames = 0;; ++renames) {
    CHECK_FOR_INTERRUPTS();
    const Found found = look_up(signature);
    const char *after = read_signature(completed);
    const bool renamed = after != nullptr && strcmp(after, signature) != 0 && renames < most_renames;
    if (renamed)
      signature = after;
    else if (OidIsValid(found.function) || !await_invalidations(waits++))
      return found;
  }
}

// By its OID: SQL would look the name up again. Its arguments are converted to what it declares.
void execute(Oid function, const Datum *key, const KeyColumn *columns, int nkey) {
  Oid *types;
  int count;
  get_func_signature(function, &types, &count);
  List *arguments = NIL;
  for (int i = 0; i < nkey; ++i) {
    const KeyColumn &column = columns[i];
    Node *value = reinterpret_cast<Node *>(
        makeConst(column.type, -1, column.collation, column.typlen, key[i], false, column.typbyval));
    arguments = lappend(
        arguments, coerce_type(nullptr, value, column.type, types[i], -1, COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1));
  }
  Node *call = reinterpret_cast<Node *>(
      makeFuncExpr(function, get_func_rettype(function), arguments, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
  assign_expr_collations(nullptr, call);
  EState *estate = CreateExecutorState();
  MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
  ExprState *state = ExecInitExpr(reinterpret_cast<Expr *>(call), nullptr);
  // What the flush has written is for the function to see.
  CommandCounterIncrement();
  PushActiveSnapshot(GetTransactionSnapshot());
  bool isnull;
  ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), &isnull);
  PopActiveSnapshot();
  CommandCounterIncrement();
  MemoryContextSwitchTo(caller);
  FreeExecutorState(estate);
}

void call(const Completed *completed, int flags) {
  const Counters *counters = completed->counters;
  Oid types[INDEX_MAX_KEYS];
  for (int i = 0; i < counters->nkey; ++i) types[i] = counters->key[i].type;
  // The writer needs no right to look up what the owner has named.
  const User caller = become(counters->owner, flags);
  const Found found = find_now(completed);
  Relation parent = table_open(counters->root, AccessShareLock);
  check_function(parent, found, types, counters->nkey, counters->owner, sqlstate_unenforceable);
  table_close(parent, NoLock);

  ErrorContextCallback callback{error_context_stack, fenced<name_completion>, const_cast<Completed *>(completed)};
  error_context_stack = &callback;
  // An error leaves user and settings to the (sub)transaction's abort, which restores them.
  const int level = NewGUCNestLevel();
  pin_search_path();
  execute(found.function, completed->key, counters->key, counters->nkey);
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
  const Found found = look_up(signature);
  check_function(parent, found, key_types, nkey, owner, sqlstate);
  return found.function;
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
      if (terms->on_done != nullptr) call(one, flags);
    }
  }
  PG_FINALLY();
  { set_running_chain(outer); }
  PG_END_TRY();
}

}  // namespace ratchet
