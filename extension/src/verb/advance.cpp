// verb/advance.cpp: ratchet.advance(), a move along a state graph, with a record.
//
//   UPDATE target SET state = $1, ... WHERE key AND <expect>
//
// The guard decides, under the row's lock and on its newest version: whoever
// waits for the row is judged by the state that the one before has left. What does
// not move is left out there, so the answer needs no second look. As in
// submit(), zero rows that the guard has not seen are looked at again, and a record
// which hits a unique key takes the move back with it.
#include "pg/pg.h"

extern "C" {
#include "utils/acl.h"
}

#include "contract/errors.h"
#include "guard/guard_trigger.h"
#include "guard/policy.h"
#include "pg/column_right.h"
#include "pg/fence.h"
#include "pg/unique_value.h"
#include "verb/advance.h"
#include "verb/full.h"
#include "verb/heartbeat.h"
#include "verb/progress.h"
#include "verb/record.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

// Arguments of ratchet.advance() after target and key, in their order.
enum Argument {
  state_argument = 2,
  patch_argument,
  child_argument,
  record_argument,
  expect_argument,
  idempotency_key_argument,
  state_column_argument,
  flush_argument
};

struct Advance {
  Target target;
  const StateColumn *column;
  const char *target_state;
  Field state;
  bool has_idempotency_key;
  Field idempotency_key;  // valid only if has_idempotency_key
  Fields patch;
  Fields expect;
  Record record;
};

struct Answer {
  const char *outcome;
  const char *state;
  const char *was;
  Datum record;
  bool has_record;
  Datum progress;
  bool has_progress;
  List *kept;
  const char *conflict;
  List *stale;
};

enum Column {
  outcome_column,
  state_column,
  was_column,
  record_column,
  progress_column,
  kept_column,
  conflict_column,
  stale_column,
  column_count
};

const StateColumn *read_column(const Target &target, FunctionCallInfo fcinfo) {
  const GuardContract *contract = target.contract;
  if (contract->nstates == 0)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("contract of relation \"%s\" has no states", RelationGetRelationName(target.relation)),
            errhint("Declare them with ratchet.guard(..., states => ...)."), errtable(target.relation));
  if (PG_ARGISNULL(state_column_argument)) {
    if (contract->nstates > 1)
      error_argument("state_column is needed: the contract has several columns with states", nullptr);
    return &contract->states[0];
  }
  const char *name = NameStr(*PG_GETARG_NAME(state_column_argument));
  const StateColumn *column = find_state_column(contract, name);
  if (column == nullptr)
    error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, target.relation, name,
                       "column \"%s\" of relation \"%s\" has no states in the contract");
  return column;
}

Field read_state(const Target &target, const StateColumn *column, const char *state) {
  const Datum value = column->values[require_state(target.relation, column, state)];
  Field field = field_of_value(target.relation, column->attnum, value, false);
  field.type = getBaseType(column->type);
  return field;
}

void check_patch(const Advance &advance) {
  const GuardContract *contract = advance.target.contract;
  for (const AttrNumber attnum : {advance.column->attnum, contract->idempotency_key, contract->heartbeat})
    if (const Field *field = attnum == InvalidAttrNumber ? nullptr : find_field(advance.patch, attnum))
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, advance.target.relation, field->name,
                         "column \"%s\" of relation \"%s\" is set by advance itself and cannot be patched");
}

Advance read_advance(FunctionCallInfo fcinfo) {
  Advance advance{};
  advance.target = read_target(fcinfo);
  const Target &target = advance.target;
  advance.column = read_column(target, fcinfo);
  if (PG_ARGISNULL(state_argument)) error_null_argument("state");
  advance.target_state = text_of_argument(fcinfo, state_argument);
  advance.state = read_state(target, advance.column, advance.target_state);
  advance.has_idempotency_key = !PG_ARGISNULL(idempotency_key_argument);
  if (advance.has_idempotency_key) {
    if (target.contract->idempotency_key == InvalidAttrNumber)
      error_not_in_contract(target.relation, "idempotency_key");
    // One column holds the key of one call: another verb's would make the retry of a submission a loser.
    if (target.contract->gate != InvalidAttrNumber)
      error_argument("idempotency_key of a contract with a gate is for ratchet.submit()", nullptr);
    advance.idempotency_key = convert_argument(target.relation, target.contract->idempotency_key, fcinfo,
                                               idempotency_key_argument, "idempotency_key", Purpose::set);
  }
  advance.patch = read_patch(target, fcinfo, patch_argument);
  advance.expect = read_expect(target, fcinfo, expect_argument);
  check_patch(advance);
  advance.record = read_record(target, fcinfo, child_argument, record_argument);
  return advance;
}

// Everything that the moving statement sets. A move is a sign of life too.
Fields moving_fields(const Advance &advance) {
  Fields set = advance.patch;
  add_field(&set, advance.state);
  if (advance.has_idempotency_key) add_field(&set, advance.idempotency_key);
  if (advance.target.contract->heartbeat != InvalidAttrNumber) add_field(&set, heartbeat_now(advance.target));
  return set;
}

//   UPDATE schema.table t SET ... WHERE <key> AND <expect> RETURNING true, <what the record refers to>
const Statement *moving_statement(const Advance &advance, const Fields &set, Parameters *parameters) {
  const Target &target = advance.target;
  add_parameters(parameters, set);
  add_parameters(parameters, target.key);
  add_parameters(parameters, advance.expect);
  Signature signature{};
  sign(&signature, StatementKind::advance);
  sign(&signature, set);
  sign(&signature, target.key);
  sign(&signature, advance.expect);
  const bool stores = advance.record.child != nullptr;
  sign(&signature, stores ? advance.record.reference->conoid : InvalidOid);
  if (const Statement *known = find_statement(target.contract, signature)) return known;

  SqlWriter writer;
  init_writer(&writer);
  write_update(&writer, target, set);
  write_expect(&writer, advance.expect);
  appendStringInfoString(&writer.sql, " RETURNING true");
  write_referenced(&writer, target, advance.record);
  return prepare_statement(target.contract, signature, writer.sql.data, *parameters,
                           stores ? RelationGetRelid(advance.record.child) : InvalidOid);
}

// Whoever may set a state need not have the right to read it.
bool may_read_state(const Advance &advance) {
  return may_select(advance.target.contract->relation, advance.column->attnum);
}

// The record of the call that has moved the row.
void answer_record(const Advance &advance, Answer *answer) {
  if (advance.record.child == nullptr) return;
  const Row row = stored_record(advance.target, advance.record);
  answer->has_record = row.found && !row.nulls[0];
  if (answer->has_record) answer->record = row.values[0];
}

void answer_left_out(const Advance &advance, const Permission &permission, Answer *answer) {
  answer->state = answer->was = permission.was;
  if (permission.stale != nullptr) {
    answer->outcome = "stale";
    answer->stale = list_make1(const_cast<char *>(permission.stale));
  } else if (permission.replayed) {
    answer->outcome = "replayed";
    answer_record(advance, answer);
  } else if (permission.refused || !may_read_state(advance)) {
    // That the row is in this state is more than a plain UPDATE would tell who may not read it.
    answer->outcome = "refused";
  } else {
    answer->outcome = "already_there";
    answer_record(advance, answer);
  }
}

Permission permission_of(const Advance &advance) {
  Permission permission{};
  permission.verb = Verb::advance;
  permission.state = advance.column->graph->column;
  permission.target = advance.target_state;
  permission.replayed = advance.has_idempotency_key;
  set_patched(&permission, advance.target, advance.patch);
  permission.memory = CurrentMemoryContext;
  return permission;
}

// False when the guard has not seen the row, so that the outcome is not known.
bool try_to_advance(const Advance &advance, Answer *answer) {
  const Target &target = advance.target;
  Parameters parameters{};
  const Statement *statement = moving_statement(advance, moving_fields(advance), &parameters);
  Permission permission = permission_of(advance);
  const Row row = run_change(statement, target, parameters, &permission);
  if (permission.left_out) {
    answer_left_out(advance, permission, answer);
    return true;
  }
  if (!permission.judged || !row.found) return false;

  answer->outcome = "advanced";
  answer->state = permission.is;
  answer->was = permission.was;
  answer->kept = kept_columns(permission);
  if (advance.record.child != nullptr) {
    answer->record = store_record(target, advance.record, row.values + 1, row.nulls + 1);
    answer->has_record = true;
  }
  return true;
}

bool may_repeat_key(const Advance &advance) {
  return advance.has_idempotency_key && advance.target.contract->key_is_unique;
}

// As try_to_advance(), and what a unique key refuses takes the move back.
bool move(const Advance &advance, Answer *answer) {
  bool known = false;
  Undone undone{};
  if (!is_undone(
          advance.target, advance.record, may_repeat_key(advance) ? &advance.idempotency_key : nullptr,
          [&] { known = try_to_advance(advance, answer); }, [&] { return answer->outcome != nullptr; }, &undone))
    return known;
  const char *was = answer->was;
  *answer = Answer{};
  answer->outcome = undone.key_reused ? "key_reused" : "conflict";
  answer->state = answer->was = was;
  answer->conflict = undone.conflict;
  return true;
}

// Whether the row, which is not as expected, is so because this very call has been made before. The guard decides, as
// it does for a call that expects nothing, and moves nothing.
bool is_replayed(const Advance &advance, Answer *answer) {
  if (!advance.has_idempotency_key) return false;
  Advance again = advance;
  again.expect = Fields{};
  Parameters parameters{};
  const Statement *statement = moving_statement(again, moving_fields(again), &parameters);
  Permission permission = permission_of(again);
  permission.only_replays = true;
  run_change(statement, again.target, parameters, &permission);
  if (!permission.replayed || !permission.left_out) return false;
  answer_left_out(again, permission, answer);
  return true;
}

bool explain(const Advance &advance, const Probe &seen, Answer *answer) {
  if (seen.found && seen.stale == NIL) return false;
  if (seen.found && is_replayed(advance, answer)) return true;
  answer->outcome = seen.found ? "stale" : "not_found";
  answer->stale = seen.stale;
  return true;
}

Answer advance_row(const Advance &advance) {
  Answer answer{};
  if (!settle(
          advance.target, advance.expect, Sees::expectations, [&] { return move(advance, &answer); },
          [&](const Probe &seen) { return explain(advance, seen, &answer); }))
    error_suppressed(advance.target.relation);
  return answer;
}

// A key that has the state in it: a repeated call names the row as it was.
Answer advance_by_key(Advance *advance) {
  Answer answer = advance_row(*advance);
  if (strcmp(answer.outcome, "not_found") == 0 &&
      rename_row(&advance->target, advance->column->attnum, advance->state.value))
    answer = advance_row(*advance);
  return answer;
}

Datum answer_of(FunctionCallInfo fcinfo, const Answer &answer) {
  Datum values[column_count] = {};
  bool nulls[column_count] = {};
  const auto text = [&](Column column, const char *value) { set_text(value, &values[column], &nulls[column]); };
  text(outcome_column, answer.outcome);
  text(state_column, answer.state);
  text(was_column, answer.was);
  values[record_column] = answer.record;
  nulls[record_column] = !answer.has_record;
  values[progress_column] = answer.progress;
  nulls[progress_column] = !answer.has_progress;
  values[kept_column] = text_array(answer.kept);
  text(conflict_column, answer.conflict);
  set_names(answer.stale, &values[stale_column], &nulls[stale_column]);
  return answer_row(fcinfo, values, nulls);
}

Advance advance_of(const Move &move) {
  Advance advance{};
  advance.target = move.target;
  advance.column = move.column;
  advance.target_state = move.state;
  advance.state = read_state(move.target, move.column, move.state);
  advance.patch = move.patch;
  advance.expect = move.expect;
  return advance;
}

Datum advance_call(FunctionCallInfo fcinfo) {
  Advance advance = read_advance(fcinfo);
  const Watch watch = start_watching(fcinfo, flush_argument);
  const Stretch stretch = begin_stretch(advance.target.contract->tracked);
  Answer answer{};
  const char *limit = undo_where_full({advance.target.relation, advance.record.child}, [&] {
    answer = advance_by_key(&advance);
    const bool counted = strcmp(answer.outcome, "advanced") == 0;
    answer.has_progress = end_watching(watch, counted, &answer.progress);
    return counted;
  });
  if (limit != nullptr) {
    stop_watching(watch);
    const char *was = answer.was;
    answer = Answer{};
    answer.outcome = "full";
    answer.state = answer.was = was;
    answer.conflict = limit;
  }
  end_stretch(advance.target.contract->tracked, stretch);
  report_outcome(advance.target, answer.outcome, nullptr,
                 advance.has_idempotency_key ? &advance.idempotency_key : nullptr);
  if (!may_read_state(advance)) answer.state = answer.was = nullptr;
  close_record(advance.record);
  close_target(advance.target);
  return answer_of(fcinfo, answer);
}

}  // namespace

void check_move(const Move &move) { check_patch(advance_of(move)); }

bool make_move(const Move &move) { return strcmp(advance_row(advance_of(move)).outcome, "advanced") == 0; }

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_advance) { return ratchet::advance_call(fcinfo); }

RATCHET_FUNCTION(ratchet_advance_0_2) { return ratchet::advance_call(fcinfo); }
