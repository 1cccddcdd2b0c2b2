// verb/amend.cpp: ratchet.amend(), the only way back: unsubmit, correct, anonymise.
//
//   UPDATE target SET ... WHERE key
//
// under a permission that covers every column of its one row. Each call
// writes a line to the server log, where no rollback takes it away.
#include "pg/pg.h"

#include "contract/errors.h"
#include "contract/report_row.h"
#include "guard/guard_trigger.h"
#include "pg/fence.h"
#include "pg/log_text.h"
#include "pg/row_value.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

struct Answer {
  const char *outcome;
  List *changed;
};

bool holds_amend_right() {
  const Oid marker = find_own_function("amend_right");
  return OidIsValid(marker) && may_execute(marker, GetUserId());
}

// Whoever owns a partition does not own the contract.
void require_amend_right(const Target &target) {
  if (owns_relation(target.contract->root, GetUserId()) || holds_amend_right()) return;
  Relation relation = target.relation;
  ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
          errmsg("permission denied to amend relation \"%s\"", RelationGetRelationName(relation)),
          errhint("The owner of the whole table may, and roles with EXECUTE on "
                  "ratchet.amend_right()."),
          errtable(relation));
}

// A gate that opens takes what its closing has set with it, unless the patch
// says otherwise: back to the columns' defaults, so that the next submission
// starts clean.
Fields with_reopening(const Target &target, Fields patch) {
  const GuardContract *contract = target.contract;
  const Field *gate = find_field(patch, contract->gate);
  if (gate == nullptr || gate_is_closed(contract, gate->value, gate->isnull)) return patch;
  for (const AttrNumber attnum : {contract->gate_at, contract->actor, contract->idempotency_key})
    if (attnum != InvalidAttrNumber && find_field(patch, attnum) == nullptr) {
      bool isnull;
      const Datum value = default_value(target.relation, attnum, &isnull);
      add_field(&patch, field_of_value(target.relation, attnum, value, isnull));
    }
  return patch;
}

// False when no row was written, and not because nothing would have changed.
bool try_to_amend(const Target &target, const Fields &patch, Answer *answer) {
  Parameters parameters{};
  const Statement *statement = change_statement(StatementKind::amend, target, patch, Fields{}, &parameters);
  Permission permission{};
  permission.verb = Verb::amend;
  set_patched(&permission, target, patch);
  permission.memory = CurrentMemoryContext;
  const Row row = run_change(statement, target, parameters, &permission);
  if (row.processed == 0 && !permission.left_out) return false;

  answer->outcome = permission.left_out ? "unchanged" : "amended";
  for (int place = -1; (place = bms_next_member(permission.changed, place)) >= 0;)
    answer->changed = lappend(answer->changed, const_cast<char *>(permission.patched[place]));
  return true;
}

Answer amend(const Target &target, const Fields &patch) {
  Answer answer{"not_found", NIL};
  if (settle(
          target, Fields{}, Sees::expectations, [&] { return try_to_amend(target, patch, &answer); },
          [](const Probe &seen) { return !seen.found; }))
    return answer;
  if (!has_values(target, patch)) error_suppressed(target.relation);
  answer.outcome = "unchanged";
  return answer;
}

const char *joined(List *names) {
  StringInfoData out;
  initStringInfo(&out);
  ListCell *cell;
  foreach (cell, names)
    appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "", word_for_log(static_cast<const char *>(lfirst(cell))));
  return out.data;
}

// To the server log only: the key and the reason may be nobody else's business.
void log_amend(const Target &target, const Answer &answer, const char *actor, const char *reason) {
  StringInfoData key;
  initStringInfo(&key);
  for (const Field &field : target.key)
    appendStringInfo(&key, "%s%s=%s", key.len > 0 ? ", " : "", word_for_log(field.name),
                     word_for_log(text_of_value(field.type, field.value)));
  ereport(LOG_SERVER_ONLY, errmsg("ratchet amend: %s %s of row (%s) of relation %s by %s (role %s): %s", answer.outcome,
                                  answer.changed != NIL ? joined(answer.changed) : "nothing", key.data,
                                  relation_for_log(get_namespace_name(RelationGetNamespace(target.relation)),
                                                   RelationGetRelationName(target.relation)),
                                  quoted_for_log(actor != nullptr ? actor : ""),
                                  quoted_for_log(GetUserNameFromId(GetUserId(), false)), quoted_for_log(reason)));
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_amend) {
  const ratchet::Target target = ratchet::read_target(fcinfo);
  ratchet::require_amend_right(target);
  ratchet::Fields patch = ratchet::read_patch(target, fcinfo, 2);
  const char *actor = ratchet::text_of_argument(fcinfo, 3);
  const char *reason = ratchet::text_of_argument(fcinfo, 4);
  if (patch.count == 0) ratchet::error_argument("patch must name at least one column", nullptr);
  if (reason == nullptr || ratchet::is_blank(reason))
    ratchet::error_argument("reason must not be empty", "Say why the row is amended; it is written to the server log.");
  patch = ratchet::with_reopening(target, patch);
  const ratchet::Stretch stretch = ratchet::begin_stretch(target.contract->tracked);
  const ratchet::Answer answer = ratchet::amend(target, patch);
  ratchet::end_stretch(target.contract->tracked, stretch);
  ratchet::log_amend(target, answer, actor, reason);
  ratchet::report(target.contract->tracked, ratchet::event_of(answer.outcome), 1, NIL, [&](ratchet::Description *told) {
    told->key = ratchet::text_of_key(target.key, target.contract->primary_key);
    told->actor = actor;
  });
  ratchet::close_target(target);

  Datum values[2] = {CStringGetTextDatum(answer.outcome), ratchet::text_array(answer.changed)};
  bool nulls[2] = {false, false};
  return ratchet::answer_row(fcinfo, values, nulls);
}
