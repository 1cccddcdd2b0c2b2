// declare/tally_declare.cpp: ratchet.tally() and ratchet.untally().
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
}

#include <algorithm>

#include "contract/core_copy.h"
#include "contract/ddl_support.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/structure.h"
#include "contract/times.h"
#include "contract/trigger_shapes.h"
#include "declare/existing_rows.h"
#include "declare/spill_declare.h"
#include "declare/tally_triggers.h"
#include "pg/fence.h"
#include "pg/foreign_key.h"
#include "pg/jsonb_members.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "tally/completion.h"
#include "tally/expression.h"
#include "tally/flush.h"
#include "tally/recount.h"
#include "tally/structure.h"

namespace ratchet {

namespace {

// Arguments of ratchet.tally(), in their order.
enum Argument {
  child_argument,
  parent_argument,
  counters_argument,
  via_argument,
  total_argument,
  total_of_argument,
  done_argument,
  done_at_argument,
  on_done_argument,
  latch_argument,
  notify_argument,
  completions_argument,
  limits_argument,
  time_zone_argument,
  contention_argument,
  backfill_argument,
  replace_argument
};

struct Declaration {
  Oid child;
  Oid parent;
  TallyRequest request;
  const char **key;  // of the parent, as the foreign key references it
  bool backfill;
  bool replace;
};

// What there is of the tally already.
struct Current {
  const char *name;           // of the child's trigger; nullptr: none
  const ChildTerms *source;   // nullptr: none
  const ParentTerms *kept;    // nullptr: the parent counts nothing
  const ParentTerms *others;  // the same without this tally; nullptr: nothing is left
};

bool bool_argument(FunctionCallInfo fcinfo, int argument) {
  return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}

// One word of two; the first is the default.
bool second_word(FunctionCallInfo fcinfo, int argument, const char *name, const char *first, const char *second) {
  const char *word = text_or_null(fcinfo, argument);
  if (word == nullptr || strcmp(word, first) == 0) return false;
  if (strcmp(word, second) == 0) return true;
  error_argument(psprintf("invalid %s \"%s\"", name, word), psprintf("%s is '%s' or '%s'.", name, first, second));
}

const char *text_of_condition(const JsonbValue &value, const char *column) {
  if (value.type == jbvString) return pnstrdup(value.val.string.val, value.val.string.len);
  if (value.type == jbvBool && value.val.boolean) return "true";
  error_argument(psprintf("counter \"%s\" must be a condition or sum(expression), as text", column),
                 "For example {\"correct_count\": \"is_correct\", \"score_total\": \"sum(score)\"}.");
}

void read_counters(Relation child, Jsonb *counters, TallyRequest *request) {
  if (!JB_ROOT_IS_OBJECT(counters))
    error_not_object("counters", counters, R"({"evaluated_count": "true", "correct_count": "is_correct"})");
  request->counters = palloc_array<CounterTerm>(JB_ROOT_COUNT(counters));
  each_member(&counters->root, [&](const char *column, const JsonbValue &value) {
    CounterTerm *counter = &request->counters[request->ncounters++];
    counter->column = column;
    counter->expression = canonical_expression(child, column, text_of_condition(value, column), &counter->sum);
  });
}

[[noreturn]] void error_completion(const char *column, const char *what, const char *hint) {
  error_argument(psprintf("completion \"%s\" %s", column, what), hint);
}

constexpr const char *completion_hint =
    "For example {\"all_passed\": {\"when\": \"passed = total\", \"at\": \"passed_at\", \"call\": "
    "\"finish(bigint)\"}}.";

const char *text_in(const JsonbValue &value, const char *column, const char *member) {
  if (value.type != jbvString || value.val.string.len == 0)
    error_completion(column, psprintf("needs a text for \"%s\"", member), completion_hint);
  return pnstrdup(value.val.string.val, value.val.string.len);
}

bool boolean_in(const JsonbValue &value, const char *column, const char *member) {
  if (value.type != jbvBool)
    error_completion(column, psprintf("needs true or false for \"%s\"", member), completion_hint);
  return value.val.boolean;
}

// A function as the caller would name it in a query.
const char *signature_of(const char *text) {
  return function_signature(DatumGetObjectId(DirectFunctionCall1(regprocedurein, CStringGetDatum(text))));
}

CompletionTerm read_condition(Relation parent, const char *column, JsonbContainer *members) {
  CompletionTerm completion{};
  completion.done = column;
  each_member(members, [&](const char *member, const JsonbValue &value) {
    if (value.type == jbvNull) return;
    if (strcmp(member, "when") == 0)
      completion.when = canonical_condition(parent, column, text_in(value, column, member));
    else if (strcmp(member, "at") == 0)
      completion.done_at = text_in(value, column, member);
    else if (strcmp(member, "call") == 0)
      completion.on_done = signature_of(text_in(value, column, member));
    else if (strcmp(member, "latch") == 0)
      completion.latch = boolean_in(value, column, member);
    else if (strcmp(member, "notify") == 0)
      completion.notify = boolean_in(value, column, member);
    else
      error_completion(column, psprintf("has an unknown member \"%s\"", member),
                       "Its members are when, at, call, latch and notify.");
  });
  if (completion.when == nullptr) error_completion(column, "needs \"when\"", completion_hint);
  return completion;
}

void read_conditions(Relation parent, Jsonb *completions, TallyRequest *request) {
  if (!JB_ROOT_IS_OBJECT(completions))
    error_not_object("completions", completions, R"({"all_passed": {"when": "passed = total"}})");
  request->completions = palloc_array<CompletionTerm>(JB_ROOT_COUNT(completions));
  each_member(&completions->root, [&](const char *column, const JsonbValue &value) {
    if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
      error_completion(column, "must be an object", completion_hint);
    request->completions[request->ncompletions++] = read_condition(parent, column, value.val.binary.data);
  });
}

[[noreturn]] void error_bound(const char *counter) {
  error_argument(psprintf("limit of \"%s\" must be a column, a number, or an object with max and min", counter),
                 "For example {\"reserved\": \"capacity\"} or {\"balance\": {\"min\": 0}}.");
}

BoundTerm read_bound(const JsonbValue &value, const char *counter) {
  if (value.type == jbvString && value.val.string.len > 0)
    return {pnstrdup(value.val.string.val, value.val.string.len), nullptr};
  if (value.type != jbvNumeric) error_bound(counter);
  return {nullptr, numeric_normalize(value.val.numeric)};
}

void read_ends(JsonbContainer *members, LimitTerm *limit) {
  each_member(members, [&](const char *member, const JsonbValue &value) {
    BoundTerm *bound = strcmp(member, "max") == 0 ? &limit->max : strcmp(member, "min") == 0 ? &limit->min : nullptr;
    if (bound == nullptr) error_bound(limit->counter);
    if (value.type != jbvNull) *bound = read_bound(value, limit->counter);
  });
}

void read_limits(Jsonb *limits, TallyRequest *request) {
  if (!JB_ROOT_IS_OBJECT(limits)) error_not_object("limits", limits, R"({"reserved": "capacity"})");
  request->limits = palloc0_array<LimitTerm>(JB_ROOT_COUNT(limits));
  each_member(&limits->root, [&](const char *counter, const JsonbValue &value) {
    LimitTerm *limit = &request->limits[request->nlimits++];
    limit->counter = counter;
    if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data))
      read_ends(value.val.binary.data, limit);
    else
      limit->max = read_bound(value, counter);
  });
}

// What a column of type timestamp holds, for all of the tally's; whose it is where there is none is for check_request()
// to say.
void set_time_zone(TallyRequest *request, const char *time_zone) {
  bool any = false;
  for (int i = 0; i < request->ncompletions; ++i) {
    if (request->completions[i].done_at == nullptr) continue;
    request->completions[i].time_zone = time_zone;
    any = true;
  }
  if (request->completion.done_at != nullptr || !any) request->completion.time_zone = time_zone;
}

CompletionTerm read_completion(FunctionCallInfo fcinfo) {
  CompletionTerm completion{};
  completion.total = name_argument(fcinfo, total_argument);
  completion.total_of = name_argument(fcinfo, total_of_argument);
  completion.done = name_argument(fcinfo, done_argument);
  completion.done_at = name_argument(fcinfo, done_at_argument);
  if (!PG_ARGISNULL(on_done_argument)) completion.on_done = function_signature(PG_GETARG_OID(on_done_argument));
  completion.latch = bool_argument(fcinfo, latch_argument);
  completion.notify = bool_argument(fcinfo, notify_argument);
  return completion;
}

// message: with a %s for the child and one for the parent.
[[noreturn]] void refuse_reference(Relation child, Relation parent, const char *message, const char *hint) {
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg(message, RelationGetRelationName(child), RelationGetRelationName(parent)), errhint("%s", hint),
          errtable(child));
  pg_unreachable();
}

// The foreign key that a caller means.
const ForeignKeyCacheInfo *read_reference(Relation child, Relation parent, const char *const *via, int nvia) {
  auto *attnums = palloc_array<AttrNumber>(nvia);
  for (int i = 0; i < nvia; ++i) {
    attnums[i] = get_attnum(RelationGetRelid(child), via[i]);
    if (attnums[i] <= 0) error_no_column(ERRCODE_INVALID_PARAMETER_VALUE, child, via[i]);
  }
  List *found = references(child, attnums, nvia, RelationGetRelid(parent));
  if (found == NIL && references(parent, nullptr, 0, RelationGetRelid(child)) != NIL)
    refuse_reference(
        child, parent, "relation \"%s\" has no foreign key to \"%s\"",
        psprintf("It is the other way round: the table whose rows are counted comes first, as in ratchet.tally('%s', "
                 "'%s', ...).",
                 RelationGetRelationName(parent), RelationGetRelationName(child)));
  if (found == NIL)
    refuse_reference(child, parent,
                     nvia == 0 ? "relation \"%s\" has no foreign key to \"%s\""
                               : "relation \"%s\" has no foreign key over these columns to \"%s\"",
                     "Rows are counted for the parent that a foreign key refers to.");
  if (!lead_to_one(found))
    refuse_reference(child, parent, "relation \"%s\" has several foreign keys to \"%s\"",
                     "Name the columns of one of them with via.");
  const ForeignKeyCacheInfo *reference = oldest_enforced(found);
  if (reference == nullptr)
    refuse_reference(child, parent, "relation \"%s\" has a foreign key that is not validated to \"%s\"",
                     "ALTER TABLE ... VALIDATE CONSTRAINT ... first.");
  if (!lead_to_one(references(child, reference->conkey, reference->nkeys, InvalidOid)))
    refuse_reference(child, parent, "relation \"%s\" refers with the same columns to other tables than \"%s\"",
                     "Rows are counted for the parent that a foreign key refers to; it must be the only one.");
  return reference;
}

void check_owners(Relation child, Relation parent) {
  if (child->rd_rel->relowner == parent->rd_rel->relowner) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("relations \"%s\" and \"%s\" have different owners", RelationGetRelationName(child),
                 RelationGetRelationName(parent)),
          errdetail("Counts are written as the owner of the parent, on behalf of every role that may write the child."),
          errtable(child));
}

Declaration read_declaration(FunctionCallInfo fcinfo, Relation child, Relation parent) {
  Declaration declaration{};
  declaration.child = RelationGetRelid(child);
  declaration.parent = RelationGetRelid(parent);
  declaration.replace = bool_argument(fcinfo, replace_argument);
  declaration.backfill = !second_word(fcinfo, backfill_argument, "backfill", "now", "later");

  TallyRequest *request = &declaration.request;
  if (!PG_ARGISNULL(contention_argument))
    request->contention = second_word(fcinfo, contention_argument, "contention", "wait", "spill")
                              ? core::Contention::spill
                              : core::Contention::wait;
  int nvia;
  const char **via = names_argument(fcinfo, via_argument, &nvia);
  const ForeignKeyCacheInfo *reference = read_reference(child, parent, via, nvia);
  request->nvia = reference->nkeys;
  request->via = palloc_array<const char *>(reference->nkeys);
  declaration.key = palloc_array<const char *>(reference->nkeys);
  for (int i = 0; i < reference->nkeys; ++i) {
    request->via[i] = get_attname(declaration.child, reference->conkey[i], false);
    declaration.key[i] = get_attname(declaration.parent, reference->confkey[i], false);
  }
  read_counters(child, PG_GETARG_JSONB_P(counters_argument), request);
  request->completion = read_completion(fcinfo);
  if (!PG_ARGISNULL(completions_argument)) read_conditions(parent, PG_GETARG_JSONB_P(completions_argument), request);
  if (!PG_ARGISNULL(limits_argument)) read_limits(PG_GETARG_JSONB_P(limits_argument), request);
  const char *time_zone = text_or_null(fcinfo, time_zone_argument);
  check_time_zone(time_zone);
  set_time_zone(request, time_zone);
  check_request(request);
  return declaration;
}

Current find_current(Relation child, Relation parent, const char *const *via, int nvia) {
  Current current{};
  if (const Trigger *trigger = find_child_trigger(child, via, nvia)) {
    current.name = trigger->tgname;
    current.source = parse_child_trigger(child, trigger);
  }
  if (const Trigger *trigger = find_trigger(parent, TriggerKind::parent)) {
    current.kept = current.others = parse_parent_trigger(parent, trigger);
    if (current.source != nullptr) current.others = kept_without(current.kept, current.source);
    // Counters that nothing counts any more are free.
    if (current.others != nullptr) current.others = counted_part(parent, current.others);
  }
  return current;
}

// What is not said stays as it is, also where this tally is the only one of the parent and made anew.
void keep_contention(Declaration *declaration, const Current &current) {
  if (declaration->request.contention == core::Contention::unsaid && current.kept != nullptr && current.kept->spills)
    declaration->request.contention = core::Contention::spill;
}

bool is_among(const char *name, const char *const *names, int count) {
  for (int i = 0; i < count; ++i)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

// All tallies of a parent reference one key of it, so that one update of a row serves them all.
void check_key(Relation parent, const Declaration &declaration, const Current &current) {
  if (current.others == nullptr) return;
  bool same = current.others->nkey == declaration.request.nvia;
  for (int i = 0; same && i < declaration.request.nvia; ++i)
    same = is_among(declaration.key[i], current.others->key, current.others->nkey);
  if (same) return;
  ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
          errmsg("the foreign key references another key of \"%s\" than its other tallies do",
                 RelationGetRelationName(parent)),
          errhint("Let all of them reference the same key."), errtable(parent));
}

// No counter of this tally may be another's.
void check_free(Relation parent, const Declaration &declaration, const Current &current) {
  if (current.others == nullptr) return;
  const TallyRequest &request = declaration.request;
  for (int i = 0; i < request.ncounters; ++i)
    if (is_among(request.counters[i].column, current.others->guarded, current.others->nguarded))
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, parent, request.counters[i].column,
                         "column \"%s\" of relation \"%s\" is written by another tally");
  const auto check = [&](const CompletionTerm &completion) {
    for (const char *column : {completion.done, completion.done_at})
      if (column != nullptr && is_among(column, current.others->guarded, current.others->nguarded))
        error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, parent, column,
                           "column \"%s\" of relation \"%s\" is written by another tally");
  };
  check(request.completion);
  for (int i = 0; i < request.ncompletions; ++i) check(request.completions[i]);
}

void check_types(Relation child, Relation parent, const Declaration &declaration) {
  const TallyRequest &request = declaration.request;
  Oid types[INDEX_MAX_KEYS];
  for (int i = 0; i < request.nvia; ++i) {
    types[i] = get_atttype(declaration.parent, get_attnum(declaration.parent, declaration.key[i]));
    make_key_cast(child, get_attnum(declaration.child, request.via[i]), types[i], ERRCODE_INVALID_PARAMETER_VALUE);
  }
  const auto check = [&](const CompletionTerm &completion) {
    if (completion.on_done != nullptr)
      completion_function(parent, completion.on_done, types, request.nvia, parent->rd_rel->relowner,
                          ERRCODE_INVALID_PARAMETER_VALUE);
  };
  check(request.completion);
  for (int i = 0; i < request.ncompletions; ++i) check(request.completions[i]);
}

// Everything that can be wrong with it; returns what the parent shall have.
const ParentTerms *check_declaration(Relation child, Relation parent, const Declaration &declaration,
                                     const Current &current) {
  check_owners(child, parent);
  check_one_parent_copy(child, RelationGetRelid(parent));
  check_key(parent, declaration, current);
  check_free(parent, declaration, current);
  check_types(child, parent, declaration);
  const char *const *key = current.others == nullptr ? declaration.key : current.others->key;
  const ParentTerms *wanted = kept_with(current.others, key, declaration.request.nvia, declaration.request);
  check_kept(parent, wanted, ERRCODE_INVALID_PARAMETER_VALUE);
  check_conditions(parent, wanted, ERRCODE_INVALID_PARAMETER_VALUE);
  for (const Oid oid : each_oid(find_all_inheritors(RelationGetRelid(child), AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    check_persistence(member, RelationGetRelid(parent), ERRCODE_INVALID_PARAMETER_VALUE);
    table_close(member, NoLock);
  }
  check_counted(child, parent, make_child_terms(declaration.request), ERRCODE_INVALID_PARAMETER_VALUE);
  return wanted;
}

void check_stronger(Relation child, const Declaration &declaration, const Current &current) {
  const char *difference = weakened(current.source, current.kept, declaration.request);
  if (difference == nullptr || declaration.replace) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("tally would weaken the contract of relation \"%s\"", RelationGetRelationName(child)),
          errdetail_internal("%s.", difference), errhint("Call it with replace => true to do so."), errtable(child));
}

bool same_source(const ChildTerms *a, const ChildTerms *b) {
  return same_arguments(a->arguments, a->narguments, b->arguments, b->narguments);
}

bool same_kept(const ParentTerms *a, const ParentTerms *b) {
  return a != nullptr && same_arguments(a->arguments, a->narguments, b->arguments, b->narguments);
}

struct Pair {
  Relation child;
  Relation parent;  // may be the child
};

// Child before parent, and the child's partitions before the parent: in the order in which those who write the child
// lock them, also if they write a partition. For everybody.
Pair open_pair(FunctionCallInfo fcinfo, LOCKMODE lock, const char *action) {
  if (PG_ARGISNULL(child_argument)) error_null_argument("child");
  if (PG_ARGISNULL(parent_argument)) error_null_argument("parent");
  Pair pair{open_owned(PG_GETARG_OID(child_argument), lock, action), nullptr};
  if (pair.child->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
    find_all_inheritors(RelationGetRelid(pair.child), lock, nullptr);
  pair.parent = open_owned(PG_GETARG_OID(parent_argument), lock, action);
  return pair;
}

void close_pair(const Pair &pair) {
  relation_close(pair.child, NoLock);
  relation_close(pair.parent, NoLock);
}

void check_snapshot(const Declaration &declaration) {
  if (!declaration.backfill || !IsolationUsesXactSnapshot()) return;
  ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
          errmsg("counters cannot be backfilled at this isolation level"),
          errdetail("Rows that were committed after the transaction's snapshot would be missed."),
          errhint("Declare the tally at READ COMMITTED, or with backfill => 'later'."));
}

const char *tally(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(counters_argument)) error_null_argument("counters");
  Pair pair = open_pair(fcinfo, AccessShareLock, "count it");
  check_target(pair.child, "count");
  check_target(pair.parent, "count");
  Declaration declaration = read_declaration(fcinfo, pair.child, pair.parent);
  Current current = find_current(pair.child, pair.parent, declaration.request.via, declaration.request.nvia);
  keep_contention(&declaration, current);
  const ChildTerms *source = make_child_terms(declaration.request);
  const ParentTerms *kept = check_declaration(pair.child, pair.parent, declaration, current);
  // A migration that runs again must not queue behind, or in front of, the tables' writers.
  const bool same = current.source != nullptr && same_source(current.source, source) && same_kept(current.kept, kept);
  const bool settled = same && is_whole_child(declaration.child, source) && is_whole_parent(declaration.parent, kept) &&
                       is_spill_settled(declaration.parent, kept);
  close_pair(pair);
  if (settled) return "unchanged";
  check_snapshot(declaration);
  if (declaration.backfill)
    check_not_distributed(declaration.child,
                          "Declare the tally with backfill => 'later', and then call ratchet.repair() on each shard of "
                          "the child, with run_command_on_shards().");

  // What this transaction has counted under the terms as they are is written under them.
  flush_pending(InvalidOid);
  // From here on nobody else can write the tables, or change their triggers or columns; look again.
  pair = open_pair(fcinfo, ShareRowExclusiveLock, "count it");
  check_target(pair.child, "count");
  check_target(pair.parent, "count");
  declaration = read_declaration(fcinfo, pair.child, pair.parent);
  current = find_current(pair.child, pair.parent, declaration.request.via, declaration.request.nvia);
  keep_contention(&declaration, current);
  source = make_child_terms(declaration.request);
  kept = check_declaration(pair.child, pair.parent, declaration, current);
  check_shapes(pair.child);
  check_shapes(pair.parent);
  check_counters_structure(pair.parent);
  const char *outcome = "created";
  if (current.source != nullptr) {
    check_stronger(pair.child, declaration, current);
    outcome = same_source(current.source, source) && same_kept(current.kept, kept)     ? "repaired"
              : weakened(current.source, current.kept, declaration.request) != nullptr ? "replaced"
                                                                                       : "extended";
  }
  const TallyRequest &request = declaration.request;
  notice_time_zone(pair.parent, request.completion.done_at, request.completion.time_zone);
  for (int i = 0; i < request.ncompletions; ++i)
    notice_time_zone(pair.parent, request.completions[i].done_at, request.completions[i].time_zone);
  close_pair(pair);
  prepare_spill_table(declaration.parent, current.kept, kept);
  write_parent_triggers(declaration.parent, kept, Switches::enable);
  finish_spill_table(declaration.parent, kept);
  write_child_triggers(declaration.child, source, current.name, Switches::enable);
  if (declaration.backfill) backfill(declaration.child, declaration.parent, source);
  report_limits(declaration.parent, kept, source);
  return outcome;
}

bool is_over(const List *tallies, const char *const *via, int nvia) {
  for (const auto *source : each<ChildTerms>(tallies)) {
    bool same = source->nvia == nvia;
    for (int i = 0; same && i < nvia; ++i) same = is_among(via[i], source->via, source->nvia);
    if (same) return true;
  }
  return false;
}

// The counters of a parent that no child counts any more, because the child or
// its foreign key was dropped.
bool untally_abandoned(Oid relid) {
  Relation parent = open_owned(relid, AccessExclusiveLock, "stop counting it");
  const Trigger *trigger = find_trigger(parent, TriggerKind::parent);
  const ParentTerms *before = trigger == nullptr ? nullptr : parse_parent_trigger(parent, trigger);
  const ParentTerms *after = before == nullptr ? nullptr : counted_part(parent, before);
  const bool remnants = before == nullptr && find_named(parent, gone_trigger_name) != nullptr;
  relation_close(parent, NoLock);
  if (!remnants && after == before) return false;
  prepare_spill_table(relid, before, after);
  write_parent_triggers(relid, after, Switches::keep);
  finish_spill_table(relid, after);
  return true;
}

// What is left on a child whose parent was dropped.
bool untally_remnants(Oid relid) {
  Relation child = open_owned(relid, AccessExclusiveLock, "stop counting it");
  const bool remnants = has_remnants(child);
  relation_close(child, NoLock);
  if (remnants) write_child_triggers(relid, nullptr, nullptr, Switches::enable);
  return remnants;
}

bool untally(FunctionCallInfo fcinfo) {
  // Counts of this transaction still go where they belong.
  flush_pending(InvalidOid);
  if (PG_ARGISNULL(child_argument) && !PG_ARGISNULL(parent_argument))
    return untally_abandoned(PG_GETARG_OID(parent_argument));
  if (PG_ARGISNULL(parent_argument) && !PG_ARGISNULL(child_argument))
    return untally_remnants(PG_GETARG_OID(child_argument));
  Pair pair = open_pair(fcinfo, AccessExclusiveLock, "stop counting it");
  int nvia = 0;
  const char **via = PG_ARGISNULL(2) ? nullptr : names_argument(fcinfo, 2, &nvia);
  List *found = tallies_between(pair.child, pair.parent);
  if (via == nullptr && list_length(found) > 1)
    refuse_reference(pair.child, pair.parent, "relation \"%s\" has several tallies at \"%s\"",
                     "Name the columns of one of them with via.");
  if (via == nullptr && found != NIL) {
    via = static_cast<const ChildTerms *>(linitial(found))->via;
    nvia = static_cast<const ChildTerms *>(linitial(found))->nvia;
  }
  // One at another parent is not meant.
  if (!is_over(found, via, nvia)) nvia = 0;
  const Current current = find_current(pair.child, pair.parent, via, nvia);
  const Oid child = RelationGetRelid(pair.child);
  const Oid parent = RelationGetRelid(pair.parent);
  const bool remnants = has_remnants(pair.child);
  close_pair(pair);
  if (current.source == nullptr && !remnants) return false;
  const bool counted = current.source != nullptr && current.kept != nullptr;
  if (counted) prepare_spill_table(parent, current.kept, current.others);
  write_child_triggers(child, nullptr, current.name, Switches::enable);
  if (counted) {
    write_parent_triggers(parent, current.others, Switches::keep);
    finish_spill_table(parent, current.others);
  }
  return true;
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_tally) { ratchet::error_earlier_objects(); }

RATCHET_FUNCTION(ratchet_tally_0_2) {
  // A call that was planned before the update, and is executed after it.
  if (PG_NARGS() <= ratchet::replace_argument) ratchet::error_earlier_objects();
  PG_RETURN_TEXT_P(cstring_to_text(ratchet::tally(fcinfo)));
}

RATCHET_FUNCTION(ratchet_untally) { PG_RETURN_BOOL(ratchet::untally(fcinfo)); }
