// verb/beat.cpp: ratchet.beat(), a sign of life, with progress.
//
//   UPDATE target SET heartbeat = now, ... WHERE key
//
// It obeys the contract as every other writer does, but for two things that the
// guard decides under the row's lock: a finished row is left alone, and a heartbeat that
// waited for the row while a later one was written is dropped without a word.
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
};

// True when the guard has seen the row, so that the outcome is known.
bool try_to_beat(const Target &target, const Fields &patch, Answer *answer) {
  Fields set = patch;
  add_field(&set, heartbeat_now(target));
  Parameters parameters{};
  const Statement *statement = change_statement(StatementKind::beat, target, set, Fields{}, &parameters);
  Permission permission{};
  permission.verb = Verb::beat;
  set_patched(&permission, target, patch);
  permission.memory = CurrentMemoryContext;
  const Row row = run_change(statement, target, parameters, &permission);
  if (!permission.judged || (!row.found && !permission.left_out)) return false;
  answer->outcome = permission.finished ? "finished" : "alive";
  answer->kept = kept_columns(permission);
  return true;
}

Answer beat(const Target &target, const Fields &patch) {
  Answer answer{"not_found", NIL};
  if (settle(
          target, Fields{}, Sees::expectations, [&] { return try_to_beat(target, patch, &answer); },
          [](const Probe &seen) { return !seen.found; }))
    return answer;
  error_suppressed(target.relation);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_beat) {
  const ratchet::Target target = ratchet::read_target(fcinfo);
  if (target.contract->heartbeat == InvalidAttrNumber) ratchet::error_not_in_contract(target.relation, "heartbeat");
  const ratchet::Fields patch = ratchet::read_patch(target, fcinfo, 2);
  if (const ratchet::Field *field = ratchet::find_field(patch, target.contract->heartbeat))
    ratchet::error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, target.relation, field->name,
                                "column \"%s\" of relation \"%s\" is set by beat itself and cannot be patched");
  const ratchet::Answer answer = ratchet::beat(target, patch);
  ratchet::close_target(target);

  Datum values[2] = {CStringGetTextDatum(answer.outcome), ratchet::text_array(answer.kept)};
  bool nulls[2] = {false, false};
  return ratchet::answer_row(fcinfo, values, nulls);
}
