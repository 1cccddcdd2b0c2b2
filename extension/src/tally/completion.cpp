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
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_func.h"
#include "utils/inval.h"
#include "utils/json.h"
#include "utils/snapmgr.h"
}

#include "contract/errors.h"
#include "contract/resolved_contract.h"
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
#include "tally/noted.h"
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

// The call of a function with these arguments, converted to what it declares, as the parser would make of it; nullptr:
// they do not fit it. By its OID: SQL would look the name up again.
FuncExpr *make_call(Oid function, List *arguments) {
  Oid *declared;
  int count;
  get_func_signature(function, &declared, &count);
  Oid actual[INDEX_MAX_KEYS];
  ListCell *cell;
  foreach (cell, arguments) actual[foreach_current_index(cell)] = exprType(static_cast<Node *>(lfirst(cell)));
  if (count != list_length(arguments) || !can_coerce_type(count, actual, declared, COERCION_IMPLICIT)) return nullptr;
  // Of polymorphic arguments each is like the others.
  const Oid result = enforce_generic_type_consistency(actual, declared, count, get_func_rettype(function), false);
  make_fn_arguments(nullptr, arguments, actual, declared);
  return makeFuncExpr(function, result, arguments, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

List *make_key(const KeyColumn *columns, int nkey, const Datum *key) {
  List *arguments = NIL;
  for (int i = 0; i < nkey; ++i)
    arguments = lappend(arguments, makeConst(columns[i].type, -1, columns[i].collation, columns[i].typlen, key[i],
                                             false, columns[i].typbyval));
  return arguments;
}

// The call, or why there can be none. Errors: sqlstate.
FuncExpr *require_call(Relation parent, const Found &found, List *key, Oid owner, int sqlstate) {
  const char *signature = found.signature;
  if (!OidIsValid(found.function)) refuse(parent, sqlstate, signature, found.why);
  FuncExpr *call = nullptr;
  const ErrorData *error = attempt([&] { call = make_call(found.function, key); });
  if (error != nullptr) refuse(parent, sqlstate, signature, psprintf("It does not fit the key: %s.", error->message));
  if (call == nullptr)
    refuse(parent, sqlstate, signature, "It must take the columns of the parent's key, in their order.");
  // It would run as the owner of the tables, whoever writes a row of the child.
  if (calls_strangers_function(reinterpret_cast<Node *>(call->args), owner))
    refuse(parent, sqlstate, signature, "A function or domain of another role would convert the key to what it takes.");
  if (get_func_prokind(found.function) != PROKIND_FUNCTION)
    refuse(parent, sqlstate, signature, "It is not an ordinary function.");
  if (get_func_retset(found.function)) refuse(parent, sqlstate, signature, "It returns a set.");
  if (!may_execute(found.function, owner)) refuse(parent, sqlstate, signature, "The tables' owner may not execute it.");
  return call;
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

void execute(FuncExpr *call) {
  Node *expression = reinterpret_cast<Node *>(call);
  assign_expr_collations(nullptr, expression);
  EState *estate = CreateExecutorState();
  MemoryContext caller = MemoryContextSwitchTo(estate->es_query_cxt);
  ExprState *state = ExecInitExpr(reinterpret_cast<Expr *>(expression), nullptr);
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
  // The writer needs no right to look up what the owner has named.
  const User caller = become(counters->owner, flags);
  const Found found = find_now(completed);
  Relation parent = table_open(counters->root, AccessShareLock);
  FuncExpr *function_call = require_call(parent, found, make_key(counters->key, counters->nkey, completed->key),
                                         counters->owner, sqlstate_unenforceable);
  table_close(parent, NoLock);

  ErrorContextCallback callback{error_context_stack, fenced<name_completion>, const_cast<Completed *>(completed)};
  error_context_stack = &callback;
  // An error leaves user and settings to the (sub)transaction's abort, which restores them.
  const int level = NewGUCNestLevel();
  pin_search_path();
  execute(function_call);
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
  List *key = NIL;
  for (int i = 0; i < nkey; ++i) key = lappend(key, makeNullConst(key_types[i], -1, get_typcollation(key_types[i])));
  return require_call(parent, look_up(signature), key, owner, sqlstate)->funcid;
}

void complete(const List *due, int chain, int flags) {
  if (due == NIL) return;
  const int outer = running_chain();
  if (chain >= max_chain)
    ereport(ERROR, errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
            errmsg("on_done functions complete one another more than %d times", max_chain),
            errhint("Let the functions not undo each other's work."));
  PG_TRY();
  {
    set_running_chain(chain + 1);
    MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ratchet completion", ALLOCSET_SMALL_SIZES);
    for (const auto *one : each<Due>(due)) {
      MemoryContext caller = MemoryContextSwitchTo(memory);
      // A function that was called before may have undone it.
      if (Completed completed; take_due(one, &completed)) {
        const CompletionTerm *terms = completed.counters->completions[completed.place].terms;
        if (terms->notify) notify(&completed);
        if (terms->on_done != nullptr) call(&completed, flags);
      }
      MemoryContextSwitchTo(caller);
      MemoryContextReset(memory);
    }
    MemoryContextDelete(memory);
  }
  PG_FINALLY();
  { set_running_chain(outer); }
  PG_END_TRY();
}

}  // namespace ratchet
