// guard/guard_trigger.h: the facts about a guarded write that other files ask for.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "executor/tuptable.h"
}

#include "guard/guard_contract.h"

namespace ratchet {

struct Value {
  Datum datum;
  bool isnull;
};

// One column of a row.
inline Value value_of(TupleTableSlot *slot, AttrNumber attnum) {
  Value value;
  value.datum = slot_getattr(slot, attnum, &value.isnull);
  return value;
}

// The trigger data of a call, if it is by the trigger manager and of exactly
// this event. Errors: 39P01. manner: the event in words. operations: 0 when
// it may be any operation.
const TriggerData *require_trigger_call(FunctionCallInfo fcinfo, const char *function, TriggerEvent event,
                                        const char *manner, TriggerEvent operations = TRIGGER_EVENT_OPMASK);

// Equality of stored images, not of values: no operator is needed, so it works
// for every type, and 1.0 and 1.00 differ.
bool same_image(Datum a, bool a_null, Datum b, bool b_null, bool typbyval, int16 typlen);

// The column's default, evaluated now: NULL where it has none.
Datum default_value(Relation relation, AttrNumber attnum, bool *isnull);

// Whether the column's default is another value at every look.
bool has_volatile_default(Relation relation, AttrNumber attnum);

// Whether a value is the column's default: NULL where it has none.
bool has_default_value(Relation relation, AttrNumber attnum, Datum value, bool isnull);

// The columns of `changed` (places in contract->guarded) that this update may
// change because it is a foreign key's own action.
Bitmapset *referential_changes(const TriggerData *trigger, const Contract *contract, const Bitmapset *changed);

void init_moves();

// Remembers a row that the guard has judged and whose partition key changes,
// so that its arrival in another partition is not taken for an INSERT. row:
// what the guard lets through.
void remember_move(const TriggerData *trigger, const Contract *contract, HeapTuple row);

}  // namespace ratchet
