// guard/born_open.cpp: insert => 'reject', rows must be born open.
//
// An AFTER INSERT row trigger, because only it knows that a row was really
// inserted: a BEFORE INSERT trigger also fires for the row that an upsert then
// turns into an update. Its WHEN condition is evaluated right after the row is
// stored, so a row in good order queues nothing, and a row that arrives by a
// cross-partition move can be told from an INSERT (guard/move.h).
#include "pg/pg.h"

extern "C" {
#include "access/table.h"
#include "catalog/partition.h"
#include "parser/parse_type.h"
}

#include "contract/errors.h"
#include "contract/guarded_column.h"
#include "contract/report_row.h"
#include "guard/guard_contract.h"
#include "guard/move.h"
#include "guard/policy.h"
#include "guard/suspend.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/row_value.h"
#include "pg/trigger_call.h"

namespace ratchet {

namespace {

// Whether the value is a default: of the partition, or of a table above it through which the row came.
bool has_any_default(Relation relation, const GuardedColumn &column, const Value &value) {
  if (has_default_value(relation, column.attnum, value.datum, value.isnull)) return true;
  if (!relation->rd_rel->relispartition) return false;
  bool is = false;
  for (const Oid oid : each_oid(get_partition_ancestors(RelationGetRelid(relation)))) {
    Relation ancestor = table_open(oid, AccessShareLock);
    const AttrNumber attnum = get_attnum(oid, column.name);
    is = is || (attnum > 0 && has_default_value(ancestor, attnum, value.datum, value.isnull));
    table_close(ancestor, NoLock);
  }
  return is;
}

bool is_born_open(Relation relation, const GuardContract *contract, int place, const Value &value) {
  switch (contract->terms->policies[place]) {
    case core::Policy::gate:
      return !gate_is_closed(contract, value.datum, value.isnull);
    case core::Policy::owned:
      return has_any_default(relation, contract->guarded[place], value);
    case core::Policy::states:
      return is_open_state(contract, place, value);
    default:
      return true;
  }
}

// The place of the first guarded column that is not as a row must be born; -1: all are.
int closed_column(Relation relation, const GuardContract *contract, HeapTuple tuple) {
  for (int place = 0; place < contract->nguarded; ++place) {
    const GuardedColumn &column = contract->guarded[place];
    Value value;
    value.datum = heap_getattr(tuple, column.attnum, RelationGetDescr(relation), &value.isnull);
    if (!is_born_open(relation, contract, place, value)) return place;
  }
  return -1;
}

bool born_closed(HeapTupleHeader row) {
  const Oid relid = typeidTypeRelid(HeapTupleHeaderGetTypeId(row));
  if (!OidIsValid(relid)) return false;
  Relation relation = table_open(relid, AccessShareLock);
  bool closed = false;
  const Trigger *trigger = find_trigger(relation, TriggerKind::guard);
  const GuardContract *contract = trigger == nullptr ? nullptr : load_guard_contract(relation, trigger);
  if (contract != nullptr && !is_suspended(contract->root)) {
    HeapTupleData tuple;
    tuple.t_len = HeapTupleHeaderGetDatumLength(row);
    ItemPointerSetInvalid(&tuple.t_self);
    tuple.t_tableOid = relid;
    tuple.t_data = row;
    closed = !arrives_by_move(relation, contract, &tuple) && closed_column(relation, contract, &tuple) >= 0;
  }
  table_close(relation, AccessShareLock);
  return closed;
}

void reject(const TriggerData *trigger) {
  Relation relation = trigger->tg_relation;
  const Trigger *guard = find_trigger(relation, TriggerKind::guard);
  if (guard == nullptr) return;
  const GuardContract *contract = load_guard_contract(relation, guard);
  const int place = closed_column(relation, contract, trigger->tg_trigtuple);
  if (place < 0) return;
  report_row(contract->tracked, Event::rejected, contract->guarded, bms_make_singleton(place), trigger,
             sqlstate_guarded_column);
  error_born_closed(relation, contract->guarded[place].name, contract->terms->policies[place] == core::Policy::states);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_born_closed) {
  if (PG_ARGISNULL(0)) PG_RETURN_BOOL(false);
  PG_RETURN_BOOL(ratchet::born_closed(PG_GETARG_HEAPTUPLEHEADER(0)));
}

RATCHET_FUNCTION(ratchet_guard_insert) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.guard_insert", TRIGGER_EVENT_INSERT | TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER,
      "AFTER INSERT FOR EACH ROW");
  ratchet::reject(trigger);
  return PointerGetDatum(nullptr);
}
