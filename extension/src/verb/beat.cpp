// verb/beat.cpp: ratchet.beat(), a sign of life, with progress.
//
//   UPDATE target SET heartbeat = now, ... WHERE key AND <expect>
//
// It obeys the contract as every other writer does, but for two things that the
// guard decides under the row's lock: a row on which nobody should be at work is left alone, and a heartbeat that
// waited for the row while a later one was written is dropped without a word. A beat of somebody who was displaced
// is no sign of life: what is not as expected, or out of date, sets nothing.
#include "pg/pg.h"

extern "C" {
#include "utils/timestamp.h"
}

#include "contract/errors.h"
#include "pg/fence.h"
#include "verb/heartbeat.h"
#include "verb/verb.h"

namespace ratchet {

Field heartbeat_now(const Target &target) {
  Field field =
      field_of_value(target.relation, target.contract->heartbeat, TimestampTzGetDatum(GetCurrentTimestamp()), false);
  field.type = TIMESTAMPTZOID;  // a domain takes its base type's value through the assignment
  return field;
}

namespace {

struct Answer {
  const char *outcome;
  List *kept;
  List *stale;
};

// True when the guard has seen the row, so that the outcome is known.
bool try_to_beat(const Target &target, const Fields &patch, const Fields &expect, Answer *answer) {
  Fields set = patch;
  add_field(&set, heartbeat_now(target));
  Parameters parameters{};
  const Statement *statement = change_statement(StatementKind::beat, target, set, expect, &parameters);
  Permission permission{};
  permission.verb = Verb::beat;
  set_patched(&permission, target, patch);
  permission.memory = CurrentMemoryContext;
  const Row row = run_change(statement, target, parameters, &permission);
  if (!permission.judged || (!row.found && !permission.left_out)) return false;
  answer->outcome = permission.stale != nullptr ? "stale" : permission.finished ? "finished" : "alive";
  if (permission.stale != nullptr) answer->stale = list_make1(const_cast<char *>(permission.stale));
  answer->kept = kept_columns(permission);
  return true;
}

bool explain(const Probe &seen, Answer *answer) {
  if (seen.found && seen.stale == NIL) return false;
  answer->outcome = seen.found ? "stale" : "not_found";
  answer->stale = seen.stale;
  return true;
}

Answer beat(const Target &target, const Fields &patch, const Fields &expect) {
  Answer answer{};
  if (settle(
          target, expect, Sees::expectations, [&] { return try_to_beat(target, patch, expect, &answer); },
          [&](const Probe &seen) { return explain(seen, &answer); }))
    return answer;
  error_suppressed(target.relation);
}

Datum beat_call(FunctionCallInfo fcinfo) {
  const Target target = read_target(fcinfo);
  if (target.contract->heartbeat == InvalidAttrNumber) error_not_in_contract(target.relation, "heartbeat");
  const Fields patch = read_patch(target, fcinfo, 2);
  if (const Field *field = find_field(patch, target.contract->heartbeat))
    error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, target.relation, field->name,
                       "column \"%s\" of relation \"%s\" is set by beat itself and cannot be patched");
  const Fields expect = PG_NARGS() > 3 ? read_expect(target, fcinfo, 3) : Fields{};  // 0.1.0 declares none
  const Stretch stretch = begin_stretch(target.contract->tracked);
  const Answer answer = beat(target, patch, expect);
  end_stretch(target.contract->tracked, stretch);
  report_outcome(target, answer.outcome);
  close_target(target);

  Datum values[3] = {CStringGetTextDatum(answer.outcome), text_array(answer.kept), Datum(0)};
  bool nulls[3] = {};
  set_names(answer.stale, &values[2], &nulls[2]);
  return answer_row(fcinfo, values, nulls);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_beat) { return ratchet::beat_call(fcinfo); }

RATCHET_FUNCTION(ratchet_beat_0_2) { return ratchet::beat_call(fcinfo); }
