// verb/update.cpp: ratchet.update(), a partial update that says what became of it.
//
//   UPDATE target SET ... WHERE key AND <expect>
//
// It obeys the contract as every other writer does; the permission that it
// runs under allows nothing, it only lets the guard tell what it kept.
#include "pg/pg.h"

#include "contract/errors.h"
#include "pg/fence.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

struct Answer {
  const char *outcome;
  List *kept;
  List *stale;
};

// True when the guard has seen the row, so that the outcome is known.
bool try_to_update(const Target &target, const Fields &patch, const Fields &expect, Answer *answer) {
  Parameters parameters{};
  const Statement *statement = change_statement(StatementKind::update, target, patch, expect, &parameters);
  Permission permission{};
  permission.verb = Verb::update;
  set_patched(&permission, target, patch);
  permission.memory = CurrentMemoryContext;
  const Row row = run_change(statement, target, parameters, &permission);
  if (!permission.judged || (!row.found && !permission.left_out)) return false;
  if (permission.stale != nullptr) {
    answer->outcome = "stale";
    answer->stale = list_make1(const_cast<char *>(permission.stale));
    return true;
  }

  answer->kept = kept_columns(permission);
  answer->outcome = !permission.left_out ? "updated" : answer->kept != NIL ? "kept" : "unchanged";
  return true;
}

bool explain(const Probe &seen, Answer *answer) {
  if (!seen.found) {
    answer->outcome = "not_found";
  } else if (seen.stale != NIL) {
    answer->outcome = "stale";
    answer->stale = seen.stale;
  } else {
    return false;
  }
  return true;
}

Answer update(const Target &target, const Fields &patch, const Fields &expect) {
  Answer answer{};
  if (settle(
          target, expect, Sees::expectations, [&] { return try_to_update(target, patch, expect, &answer); },
          [&](const Probe &seen) { return explain(seen, &answer); }))
    return answer;
  if (!has_values(target, patch)) error_suppressed(target.relation);
  answer.outcome = "unchanged";
  return answer;
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_update) {
  const ratchet::Target target = ratchet::read_target(fcinfo);
  const ratchet::Fields patch = ratchet::read_patch(target, fcinfo, 2);
  const ratchet::Fields expect = ratchet::read_expect(target, fcinfo, 3);
  if (patch.count == 0) ratchet::error_argument("patch must name at least one column", nullptr);
  const ratchet::Stretch stretch = ratchet::begin_stretch(target.contract->tracked);
  const ratchet::Answer answer = ratchet::update(target, patch, expect);
  ratchet::end_stretch(target.contract->tracked, stretch);
  // Rows that were kept the guard has reported.
  if (strcmp(answer.outcome, "kept") != 0) ratchet::report_outcome(target, answer.outcome);
  ratchet::close_target(target);

  Datum values[3] = {CStringGetTextDatum(answer.outcome), ratchet::text_array(answer.kept), Datum(0)};
  bool nulls[3] = {};
  ratchet::set_names(answer.stale, &values[2], &nulls[2]);
  return ratchet::answer_row(fcinfo, values, nulls);
}
