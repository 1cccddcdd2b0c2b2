// guard.cpp: the BEFORE UPDATE row trigger, the heart of a guard contract.
//
// It fires last of the BEFORE UPDATE row triggers (its name sorts last, and
// structure.cpp refuses what would sort after it), so what it returns is what
// is stored. Under READ COMMITTED the executor has locked the newest version
// of the row before it calls triggers, so OLD is current; NEW may have been
// computed by the client from an image read long ago. Therefore only OLD
// decides what the row has committed to. Under REPEATABLE READ a row that
// changed since the snapshot fails with 40001 before any trigger is called.
#include "pg/pg.h"

extern "C" {
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
}

#include "errors.h"
#include "guard.h"
#include "notes.h"
#include "permission.h"
#include "pg/fence.h"
#include "structure.h"

namespace ratchet {

namespace {

bool differs(const TriggerData *trigger, const GuardedColumn &column) {
  const Value old_value = value_of(trigger->tg_trigslot, column.attnum);
  const Value new_value = value_of(trigger->tg_newslot, column.attnum);
  return !same_image(old_value.datum, old_value.isnull, new_value.datum, new_value.isnull, column.typbyval,
                     column.typlen);
}

bool attribute_differs(const TriggerData *trigger, AttrNumber attnum) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(trigger->tg_relation), attnum - 1);
  return differs(trigger, {attnum, attribute->attlen, attribute->attbyval, nullptr});
}

bool is_closed(const Contract *contract, TupleTableSlot *slot) {
  const Value gate = value_of(slot, contract->gate);
  return gate_is_closed(contract, gate.datum, gate.isnull);
}

// Places in contract->guarded whose image the update changes.
Bitmapset *changed_columns(const TriggerData *trigger, const Contract *contract) {
  // Both tuples are taken apart once, as far as the last guarded column.
  slot_getsomeattrs(trigger->tg_trigslot, contract->last_guarded);
  slot_getsomeattrs(trigger->tg_newslot, contract->last_guarded);
  Bitmapset *changed = nullptr;
  for (int place = 0; place < contract->nguarded; ++place)
    if (differs(trigger, contract->guarded[place])) changed = bms_add_member(changed, place);
  return changed;
}

// NEW with the given guarded columns as they are in OLD.
HeapTuple keep(const TriggerData *trigger, const Contract *contract, const Bitmapset *columns) {
  const int count = bms_num_members(columns);
  auto *attnums = static_cast<int *>(palloc(sizeof(int) * count));
  auto *values = static_cast<Datum *>(palloc(sizeof(Datum) * count));
  auto *nulls = static_cast<bool *>(palloc(sizeof(bool) * count));
  int i = 0;
  for (int place = -1; (place = bms_next_member(columns, place)) >= 0; ++i) {
    attnums[i] = contract->guarded[place].attnum;
    const Value old_value = value_of(trigger->tg_trigslot, contract->guarded[place].attnum);
    values[i] = old_value.datum;
    nulls[i] = old_value.isnull;
  }
  return heap_modify_tuple_by_cols(trigger->tg_newtuple, RelationGetDescr(trigger->tg_relation), count, attnums, values,
                                   nulls);
}

bool is_among(const char *name, const Contract *contract, const Bitmapset *columns) {
  for (int place = -1; (place = bms_next_member(columns, place)) >= 0;)
    if (strcmp(contract->guarded[place].name, name) == 0) return true;
  return false;
}

// Tells a verb what became of its patch: which columns were kept, which will
// change. An update of which nothing is left is left out, so that it neither
// writes a row version nor touches an updated_at column.
void answer(Permission *permission, const TriggerData *trigger, const Contract *contract, const Bitmapset *kept) {
  MemoryContext caller = MemoryContextSwitchTo(permission->memory);
  for (int i = 0; i < permission->npatched; ++i) {
    const char *name = permission->patched[i];
    const AttrNumber attnum = get_attnum(contract->relation, name);
    if (is_among(name, contract, kept))
      permission->kept = bms_add_member(permission->kept, i);
    else if (attribute_differs(trigger, attnum))
      permission->changed = bms_add_member(permission->changed, i);
  }
  permission->judged = true;
  permission->left_out = permission->verb != Verb::submit && permission->changed == nullptr;
  MemoryContextSwitchTo(caller);
}

// Which of the changed guarded columns this writer must not change.
Bitmapset *forbidden(const TriggerData *trigger, const Contract *contract, Bitmapset *changed,
                     const Permission *permission) {
  if (permission != nullptr && permission->verb == Verb::submit) {
    // The verb's statement found the gate open and set it; only a trigger can have undone that.
    if (!is_closed(contract, trigger->tg_newslot)) error_reopened(trigger->tg_relation);
    return nullptr;
  }
  if (changed == nullptr || (permission != nullptr && permission->verb == Verb::amend)) return nullptr;
  const bool closes = !is_closed(contract, trigger->tg_trigslot) && is_closed(contract, trigger->tg_newslot);
  if (closes && contract->terms->gate_by == core::GateBy::any) return nullptr;
  // Before PostgreSQL 16 an empty set need not be nullptr.
  Bitmapset *rest = bms_difference(changed, referential_changes(trigger, contract, changed));
  return bms_is_empty(rest) ? nullptr : rest;
}

// Whether the row that will be stored belongs somewhere else than OLD.
bool changes_partition_key(const TriggerData *trigger, const Contract *contract, HeapTuple row) {
  const TupleDesc tupdesc = RelationGetDescr(trigger->tg_relation);
  for (int attnum = -1; (attnum = bms_next_member(contract->partition_key, attnum)) >= 0;) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, attnum - 1);
    const Value before = value_of(trigger->tg_trigslot, attribute->attnum);
    bool isnull;
    const Datum after = heap_getattr(row, attnum, tupdesc, &isnull);
    if (!same_image(before.datum, before.isnull, after, isnull, attribute->attbyval, attribute->attlen)) return true;
  }
  return false;
}

// Whether the statement sets no guarded column and no other BEFORE trigger could
// have: then the tuples need not be taken apart. A caller of the trigger
// manager that does not tell its columns gets no such credit.
bool sets_nothing_guarded(const TriggerData *trigger, const Contract *contract) {
  return contract->judges_alone && trigger->tg_updatedcols != nullptr &&
         !bms_overlap(trigger->tg_updatedcols, contract->guarded_set);
}

HeapTuple judge(const TriggerData *trigger) {
  Contract *contract = contract_of(trigger->tg_relation, trigger->tg_trigger);
  Permission *permission = permission_of(trigger);
  // Flushes and recounts write counters, of which the guard knows nothing.
  if (permission != nullptr && (permission->verb == Verb::count || permission->verb == Verb::recount))
    permission = nullptr;
  if (permission == nullptr && sets_nothing_guarded(trigger, contract)) return trigger->tg_newtuple;

  Bitmapset *refused = forbidden(trigger, contract, changed_columns(trigger, contract), permission);
  const bool keeps = refused != nullptr && contract->terms->mode == core::Mode::keep;
  if (refused != nullptr) {
    if (contract->terms->mode == core::Mode::reject)
      error_guarded_column(trigger->tg_relation, contract->guarded[bms_next_member(refused, -1)].name,
                           is_closed(contract, trigger->tg_trigslot));
    note_row(contract->root, contract->guarded, refused, !keeps, trigger->tg_trigslot);
  }
  if (permission != nullptr) {
    answer(permission, trigger, contract, keeps ? refused : nullptr);
    if (permission->left_out) return nullptr;
  }
  HeapTuple row = keeps ? keep(trigger, contract, refused) : trigger->tg_newtuple;
  if (changes_partition_key(trigger, contract, row)) {
    check_moves(trigger->tg_relation, contract);
    if (contract->terms->insert_reject) remember_move(trigger, contract, row);
  }
  return row;
}

}  // namespace

const TriggerData *require_trigger_call(FunctionCallInfo fcinfo, const char *function, TriggerEvent event,
                                        const char *manner, TriggerEvent operations) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("function \"%s\" was not called by trigger manager", function));
  const auto *trigger = reinterpret_cast<const TriggerData *>(fcinfo->context);
  if ((trigger->tg_event & (operations | TRIGGER_EVENT_ROW | TRIGGER_EVENT_TIMINGMASK)) != event)
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("function \"%s\" must be fired %s", function, manner));
  return trigger;
}

Datum default_value(Relation relation, AttrNumber attnum, bool *isnull) {
  Node *expression = build_column_default(relation, attnum);
  *isnull = expression == nullptr;
  if (*isnull) return Datum(0);
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  EState *estate = CreateExecutorState();
  ExprState *state = ExecPrepareExpr(reinterpret_cast<Expr *>(expression), estate);
  Datum value = ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), isnull);
  if (!*isnull) value = datumCopy(value, attribute->attbyval, attribute->attlen);
  FreeExecutorState(estate);
  return value;
}

bool has_default_value(Relation relation, AttrNumber attnum, Datum value, bool isnull) {
  bool standard_null;
  const Datum standard = default_value(relation, attnum, &standard_null);
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  return same_image(standard, standard_null, value, isnull, attribute->attbyval, attribute->attlen);
}

bool same_image(Datum a, bool a_null, Datum b, bool b_null, bool typbyval, int16 typlen) {
  if (a_null || b_null) return a_null == b_null;
  if (typlen == -1 && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(a)) && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(b)) &&
      memcmp(DatumGetPointer(a), DatumGetPointer(b), VARSIZE_EXTERNAL(DatumGetPointer(a))) == 0)
    return true;  // the very same TOAST value: no need to fetch it
  return datum_image_eq(a, b, typbyval, typlen);
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_guard_row) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.guard_row", TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW | TRIGGER_EVENT_BEFORE,
      "BEFORE UPDATE FOR EACH ROW");
  return PointerGetDatum(ratchet::judge(trigger));
}
