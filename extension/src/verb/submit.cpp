// verb/submit.cpp: ratchet.submit(), closing a gate with exactly one winner.
//
//   UPDATE target SET gate = now(), ... WHERE key AND gate open AND <expect> RETURNING ...
//
// One statement decides. Concurrent calls queue on the row's lock; whoever
// gets it rechecks "gate open" on the newest version (READ COMMITTED), so the
// first to commit is the only winner and the next one wins when it rolls back.
// Zero rows is not an answer: the row is then read again with a new snapshot
// to learn who won. If that finds the gate open (an amend in between, or
// something that suppresses the update), the row is locked and the statement
// runs once more; with the lock held no race is left, so zero rows then means
// that a trigger, rule or policy defeats the contract, which is an error.
// Under REPEATABLE READ and SERIALIZABLE the executor raises 40001 for a row
// that changed since the snapshot, and it passes through.
#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
}

#include "activity/rate.h"
#include "contract/errors.h"
#include "contract/times.h"
#include "guard/guard_trigger.h"
#include "pg/fence.h"
#include "pg/row_value.h"
#include "pg/unique_value.h"
#include "verb/direct_submit.h"
#include "verb/full.h"
#include "verb/progress.h"
#include "verb/record.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

// Arguments of ratchet.submit() after target and key, in their order.
enum Argument {
  actor_argument = 2,
  patch_argument,
  idempotency_key_argument,
  child_argument,
  record_argument,
  expect_argument,
  flush_argument
};

struct Submission {
  Target target;
  bool has_actor;
  Field actor;  // valid only if has_actor
  bool has_idempotency_key;
  Field idempotency_key;  // valid only if has_idempotency_key
  Fields patch;
  Fields expect;
  Record record;
};

struct Answer {
  const char *outcome;
  Datum submitted_at;
  bool submitted_at_null;
  const char *submitted_by;
  Datum record;
  bool record_null;
  const char *conflict;
  List *stale;
  Datum progress;
  bool has_progress;
  int64 retry_after;  // in microseconds; 0: it is not limited
};

enum Column {
  outcome_column,
  submitted_at_column,
  submitted_by_column,
  record_column,
  progress_column,
  conflict_column,
  stale_column,
  retry_after_column,
  column_count
};

Field closing_value(const Target &target, AttrNumber attnum) {
  const Oid type = getBaseType(TupleDescAttr(RelationGetDescr(target.relation), attnum - 1)->atttypid);
  const TimestampTz now = GetCurrentTransactionStartTimestamp();
  // Precision is left to the assignment.
  const Datum value =
      type == BOOLOID ? BoolGetDatum(true) : stored_time(type, -1, target.contract->terms->time_zone, now);
  Field field = field_of_value(target.relation, attnum, value, false);
  field.type = type;  // a domain takes its base type's value through the assignment
  return field;
}

void check_patch(const Submission &submission) {
  const GuardContract *contract = submission.target.contract;
  for (const AttrNumber attnum : {contract->gate, contract->gate_at, contract->actor, contract->idempotency_key})
    if (attnum != InvalidAttrNumber)
      if (const Field *field = find_field(submission.patch, attnum))
        error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, submission.target.relation, field->name,
                           "column \"%s\" of relation \"%s\" is set by submit itself and cannot be patched");
}

// An argument that goes to a column of the contract. Errors: 22023 when it has none.
bool read_role(const Target &target, FunctionCallInfo fcinfo, int argument, AttrNumber attnum, const char *name,
               Field *field) {
  if (PG_ARGISNULL(argument)) return false;
  if (attnum == InvalidAttrNumber) error_not_in_contract(target.relation, name);
  *field = convert_argument(target.relation, attnum, fcinfo, argument, name, Purpose::set);
  return true;
}

Submission read_submission(FunctionCallInfo fcinfo) {
  Submission submission{};
  submission.target = read_target(fcinfo);
  const Target &target = submission.target;
  if (target.contract->gate == InvalidAttrNumber) error_not_in_contract(target.relation, "gate");
  submission.has_actor = read_role(target, fcinfo, actor_argument, target.contract->actor, "actor", &submission.actor);
  submission.has_idempotency_key = read_role(target, fcinfo, idempotency_key_argument, target.contract->idempotency_key,
                                             "idempotency_key", &submission.idempotency_key);
  submission.patch = read_patch(target, fcinfo, patch_argument);
  submission.expect = read_expect(target, fcinfo, expect_argument);
  check_patch(submission);
  submission.record = read_record(target, fcinfo, child_argument, record_argument);
  return submission;
}

// Everything that the closing statement sets.
Fields closing_fields(const Submission &submission) {
  const GuardContract *contract = submission.target.contract;
  Fields set = submission.patch;
  add_field(&set, closing_value(submission.target, contract->gate));
  if (contract->gate_at != InvalidAttrNumber) add_field(&set, closing_value(submission.target, contract->gate_at));
  if (submission.has_actor) add_field(&set, submission.actor);
  if (submission.has_idempotency_key) add_field(&set, submission.idempotency_key);
  return set;
}

const char *gate_open(const GuardContract *contract) {
  return contract->gate_type == BOOLOID ? "IS NOT TRUE" : "IS NULL";
}

// RETURNING the closing time, the actor, and what the record refers to.
void write_returning(SqlWriter *writer, const Submission &submission) {
  const GuardContract *contract = submission.target.contract;
  const char *joint = " RETURNING ";
  const auto returning = [&](AttrNumber attnum) {
    if (attnum == InvalidAttrNumber)
      appendStringInfo(&writer->sql, "%sNULL::pg_catalog.text", joint);
    else
      appendStringInfo(&writer->sql, "%st.%s", joint, quote_identifier(get_attname(contract->relation, attnum, false)));
    joint = ", ";
  };
  returning(closing_time(contract));
  returning(contract->actor);
  write_referenced(writer, submission.target, submission.record);
}

// Whether what was set is what is stored, so that nothing need be read back:
// no trigger in between, no domain or length that would convert it.
bool is_stored_as_set(const Submission &submission, const Fields &set) {
  const GuardContract *contract = submission.target.contract;
  if (!contract->new_is_stored || submission.record.child != nullptr) return false;
  if (contract->actor != InvalidAttrNumber && !submission.has_actor) return false;
  for (const AttrNumber attnum : {closing_time(contract), contract->actor}) {
    if (attnum == InvalidAttrNumber) continue;
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(submission.target.relation), attnum - 1);
    if (attribute->atttypmod != -1 || attribute->atttypid != find_field(set, attnum)->type) return false;
  }
  return true;
}

const Statement *closing_statement(const Submission &submission, const Fields &set, bool returns,
                                   Parameters *parameters) {
  const Target &target = submission.target;
  add_parameters(parameters, set);
  add_parameters(parameters, target.key);
  add_parameters(parameters, submission.expect);
  Signature signature{};
  sign(&signature, StatementKind::submit);
  sign(&signature, static_cast<int16>(returns));
  sign(&signature, set);
  sign(&signature, target.key);
  sign(&signature, submission.expect);
  const bool stores = submission.record.child != nullptr;
  sign(&signature, stores ? submission.record.reference->conoid : InvalidOid);
  if (const Statement *known = find_statement(target.contract, signature)) return known;

  SqlWriter writer;
  init_writer(&writer);
  write_update(&writer, target, set);
  appendStringInfo(&writer.sql, " AND t.%s %s", quote_identifier(target.contract->terms->gate),
                   gate_open(target.contract));
  write_expect(&writer, submission.expect);
  if (returns) write_returning(&writer, submission);
  return prepare_statement(target.contract, signature, writer.sql.data, *parameters,
                           stores ? RelationGetRelid(submission.record.child) : InvalidOid);
}

void answer_closing(const Submission &submission, Datum time, bool time_null, Datum actor, bool actor_null,
                    Answer *answer) {
  const Target &target = submission.target;
  const AttrNumber attnum = closing_time(target.contract);
  answer->outcome = "submitted";
  answer->submitted_at_null = attnum == InvalidAttrNumber || time_null;
  if (!answer->submitted_at_null) answer->submitted_at = closing_timestamptz(target, time);
  if (target.contract->actor != InvalidAttrNumber && !actor_null)
    answer->submitted_by = OutputFunctionCall(&target.contract->actor_output, actor);
  answer->record_null = true;
}

// The same where what was set is what is stored.
void answer_set(const Submission &submission, const Fields &set, Answer *answer) {
  const Field *time = find_field(set, closing_time(submission.target.contract));
  answer_closing(submission, time != nullptr ? time->value : Datum(0), time == nullptr, submission.actor.value,
                 !submission.has_actor, answer);
}

// Closes the gate and stores the record; false when the row was not there, not
// open or not as expected.
bool close_gate(const Submission &submission, Answer *answer) {
  const Target &target = submission.target;
  Parameters parameters{};
  const Fields set = closing_fields(submission);
  const bool returns = !is_stored_as_set(submission, set);
  const Statement *statement = closing_statement(submission, set, returns, &parameters);
  Permission permission{};
  permission.verb = Verb::submit;
  permission.omits_guard = target.contract->new_is_stored && target.contract->only_gate;
  permission.memory = CurrentMemoryContext;
  const Row row = run_change(statement, target, parameters, &permission);
  if (permission.stale != nullptr) {
    answer->outcome = "stale";
    answer->submitted_at_null = answer->record_null = true;
    answer->stale = list_make1(const_cast<char *>(permission.stale));
    return true;
  }
  if (row.processed == 0) return false;

  if (!returns) {
    answer_set(submission, set, answer);
    return true;
  }
  if (!row.found) error_suppressed(target.relation);
  answer_closing(submission, row.values[0], row.nulls[0], row.values[1], row.nulls[1], answer);
  if (submission.record.child != nullptr) {
    answer->record = store_record(target, submission.record, row.values + 2, row.nulls + 2);
    answer->record_null = false;
  }
  return true;
}

bool may_repeat_key(const Submission &submission) {
  return submission.has_idempotency_key && submission.target.contract->key_is_unique;
}

// As close_gate(), and what a unique key refuses takes the closing of the gate back with it.
bool try_to_close(const Submission &submission, Answer *answer) {
  bool known = false;
  Undone undone{};
  if (!is_undone(
          submission.target, submission.record, may_repeat_key(submission) ? &submission.idempotency_key : nullptr,
          [&] { known = close_gate(submission, answer); }, [&] { return answer->outcome != nullptr; }, &undone))
    return known;
  *answer = Answer{};
  answer->outcome = undone.key_reused ? "key_reused" : "conflict";
  answer->submitted_at_null = answer->record_null = true;
  answer->conflict = undone.conflict;
  return true;
}

bool is_replay(const Submission &submission, const Probe &seen) {
  if (!submission.has_idempotency_key) return false;
  const Field &given = submission.idempotency_key;
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(submission.target.relation), given.attnum - 1);
  return same_image(given.value, false, seen.idempotency_key, seen.idempotency_key_null, attribute->attbyval,
                    attribute->attlen);
}

// Whether the row was closed by somebody else than who is named now. Nobody is named where either has no actor.
bool is_other_actor(const Submission &submission, const Probe &seen) {
  if (!submission.has_actor || seen.closed_by == nullptr) return false;
  const Field &given = submission.actor;
  const TypeCacheEntry *type = lookup_type_cache(getBaseType(given.type), TYPECACHE_EQ_OPR_FINFO);
  if (!OidIsValid(type->eq_opr_finfo.fn_oid))
    return strcmp(text_of_value(given.type, given.value), seen.closed_by) != 0;
  const Oid collation = TupleDescAttr(RelationGetDescr(submission.target.relation), given.attnum - 1)->attcollation;
  return !DatumGetBool(
      FunctionCall2Coll(const_cast<FmgrInfo *>(&type->eq_opr_finfo), collation, given.value, seen.actor));
}

// Why the gate was not closed; false when nothing that was seen explains it.
bool explain(const Submission &submission, const Probe &seen, Answer *answer) {
  answer->submitted_at_null = answer->record_null = true;
  if (!seen.found) {
    answer->outcome = "not_found";
  } else if (seen.closed) {
    answer->outcome = "already_submitted";
    answer->submitted_at = seen.closed_at;
    answer->submitted_at_null = seen.closed_at_null;
    answer->submitted_by = seen.closed_by;
    if (is_replay(submission, seen)) {
      answer->outcome = is_other_actor(submission, seen) ? "key_reused" : "replayed";
      if (strcmp(answer->outcome, "key_reused") == 0) return true;
      if (submission.record.child != nullptr) {
        const Row row = stored_record(submission.target, submission.record);
        answer->record_null = !row.found || row.nulls[0];
        if (!answer->record_null) answer->record = row.values[0];
      }
    }
  } else if (seen.stale != NIL) {
    answer->outcome = "stale";
    answer->stale = seen.stale;
  } else {
    return false;
  }
  return true;
}

// The row as a probe would have seen it.
Probe probe_of_row(const Submission &submission, HeapTuple row) {
  const Target &target = submission.target;
  const GuardContract *contract = target.contract;
  const TupleDesc tupdesc = RelationGetDescr(target.relation);
  const auto value_of = [&](AttrNumber attnum, bool *isnull) {
    *isnull = true;
    return attnum == InvalidAttrNumber ? Datum(0) : heap_getattr(row, attnum, tupdesc, isnull);
  };
  Probe seen{};
  seen.found = seen.closed = true;
  seen.closed_at = value_of(closing_time(contract), &seen.closed_at_null);
  if (!seen.closed_at_null) seen.closed_at = closing_timestamptz(target, seen.closed_at);
  bool actor_null;
  const Datum actor = value_of(contract->actor, &actor_null);
  seen.actor = actor;
  if (!actor_null) seen.closed_by = OutputFunctionCall(&target.contract->actor_output, actor);
  seen.idempotency_key = value_of(contract->idempotency_key, &seen.idempotency_key_null);
  return seen;
}

// The commonest call, on a table that allows it; false: the statement has to decide.
bool submit_directly(const Submission &submission, Answer *answer) {
  if (!submission.target.contract->direct || submission.patch.count > 0 || submission.expect.count > 0 ||
      submission.record.child != nullptr || may_repeat_key(submission))
    return false;
  const Fields set = closing_fields(submission);
  if (!is_stored_as_set(submission, set)) return false;
  HeapTuple row = nullptr;
  switch (close_directly(submission.target, set, &row)) {
    case Closing::done:
      answer_set(submission, set, answer);
      return true;
    case Closing::closed:
      return explain(submission, probe_of_row(submission, row), answer);
    case Closing::unable:
      return false;
  }
  return false;
}

Answer submit(const Submission &submission) {
  Answer answer{};
  if (submit_directly(submission, &answer)) return answer;
  const Sees sees = submission.has_idempotency_key ? Sees::closing_and_key : Sees::closing;
  if (!settle(
          submission.target, submission.expect, sees, [&] { return try_to_close(submission, &answer); },
          [&](const Probe &seen) { return explain(submission, seen, &answer); }))
    error_suppressed(submission.target.relation);
  return answer;
}

// A key that has a boolean gate in it: a repeated call names the row as it was.
Answer submit_by_key(Submission *submission) {
  const GuardContract *contract = submission->target.contract;
  Answer answer = submit(*submission);
  if (strcmp(answer.outcome, "not_found") == 0 && contract->gate_type == BOOLOID &&
      rename_row(&submission->target, contract->gate, BoolGetDatum(true)))
    answer = submit(*submission);
  return answer;
}

Datum answer_of(FunctionCallInfo fcinfo, const Answer &answer) {
  Datum values[column_count] = {};
  bool nulls[column_count] = {};
  const auto text = [&](Column column, const char *value) { set_text(value, &values[column], &nulls[column]); };
  text(outcome_column, answer.outcome);
  values[submitted_at_column] = answer.submitted_at;
  nulls[submitted_at_column] = answer.submitted_at_null;
  text(submitted_by_column, answer.submitted_by);
  values[record_column] = answer.record;
  nulls[record_column] = answer.record_null;
  values[progress_column] = answer.progress;
  nulls[progress_column] = !answer.has_progress;
  text(conflict_column, answer.conflict);
  set_names(answer.stale, &values[stale_column], &nulls[stale_column]);
  Interval retry_after{answer.retry_after, 0, 0};
  values[retry_after_column] = IntervalPGetDatum(&retry_after);
  nulls[retry_after_column] = answer.retry_after == 0;
  return answer_row(fcinfo, values, nulls);
}

Answer unsuccessful(const char *outcome) {
  Answer answer{};
  answer.outcome = outcome;
  answer.submitted_at_null = answer.record_null = true;
  return answer;
}

// Who names no actor is limited as the role that he is.
Actor limited_actor(const Submission &submission) {
  if (!submission.has_actor) return {true, OIDOID, InvalidOid, ObjectIdGetDatum(GetUserId())};
  const Field &actor = submission.actor;
  const TupleDesc tupdesc = RelationGetDescr(submission.target.relation);
  return {false, actor.type, TupleDescAttr(tupdesc, actor.attnum - 1)->attcollation, actor.value};
}

// How long the actor has to wait for his next call, in microseconds; 0: he need not. Who may not submit is refused
// first: he would spend the calls of the actor whom he names.
int64 find_delay(const Submission &submission) {
  const GuardContract *contract = submission.target.contract;
  if (contract->terms->rate_text == nullptr) return 0;
  const SharedMemory &memory = require_rate_memory(submission.target.relation, sqlstate_unenforceable);
  require_update(submission.target.relation, closing_fields(submission));
  return take_token(memory, contract->root, limited_actor(submission), contract->terms->rate_limit);
}

Answer submit_within_limits(FunctionCallInfo fcinfo, Submission *submission) {
  const Watch watch = start_watching(fcinfo, flush_argument);
  Answer answer{};
  const char *limit = undo_where_full({submission->target.relation, submission->record.child}, [&] {
    answer = submit_by_key(submission);
    const bool counted = strcmp(answer.outcome, "submitted") == 0;
    answer.has_progress = end_watching(watch, counted, &answer.progress);
    return counted;
  });
  if (limit == nullptr) return answer;
  stop_watching(watch);
  answer = unsuccessful("full");
  answer.conflict = limit;
  return answer;
}

Datum submit_call(FunctionCallInfo fcinfo) {
  Submission submission = read_submission(fcinfo);
  const Tracked &tracked = submission.target.contract->tracked;
  const Stretch stretch = begin_stretch(tracked);
  const int64 delay = find_delay(submission);
  Answer answer = delay > 0 ? unsuccessful("limited") : submit_within_limits(fcinfo, &submission);
  answer.retry_after = delay;
  end_submit(tracked, stretch);
  report_outcome(submission.target, answer.outcome, submission.has_actor ? &submission.actor : nullptr,
                 submission.has_idempotency_key ? &submission.idempotency_key : nullptr);
  close_record(submission.record);
  close_target(submission.target);
  return answer_of(fcinfo, answer);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_submit) { return ratchet::submit_call(fcinfo); }

RATCHET_FUNCTION(ratchet_submit_0_2) { return ratchet::submit_call(fcinfo); }
