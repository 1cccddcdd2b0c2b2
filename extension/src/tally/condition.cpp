// tally/condition.cpp: evaluating what completes a row.
//
// A condition is evaluated for whoever writes the parent, on a row that it may not be his to read, with functions that
// only the tables' owner may be entitled to call. So it is evaluated as the owner, in a security-restricted operation:
// what the functions do in addition cannot wait for the writer's own rights.
#include "pg/pg.h"

extern "C" {
#include "executor/tuptable.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
}

#include "contract/errors.h"
#include "pg/user_context.h"
#include "tally/condition.h"

namespace ratchet {

namespace {

Datum as_numeric(Oid type, Datum value) {
  return type == NUMERICOID ? value : NumericGetDatum(int64_to_numeric(int64_of(type, value)));
}

bool is_positive(Oid type, Datum value) {
  if (type != NUMERICOID) return int64_of(type, value) > 0;
  return DatumGetBool(DirectFunctionCall2(numeric_gt, value, NumericGetDatum(int64_to_numeric(0))));
}

bool is_reached(const Stored &stored, const ParentCompletion &completion) {
  const Value total = stored_value(stored, completion.total);
  const Value &count = stored.kept[completion.counter];
  if (total.isnull || count.isnull || !is_positive(completion.total_type, total.datum)) return false;
  return at_least(stored.counters->counters[completion.counter].type, count.datum, completion.total_type, total.datum);
}

// The row with its counters, as far as any condition reads it.
TupleTableSlot *make_seen(const Stored &stored) {
  const Counters *counters = stored.counters;
  const TupleDesc tupdesc = stored.row->tts_tupleDescriptor;
  TupleTableSlot *seen = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
  slot_getsomeattrs(stored.row, counters->last_read);
  ExecStoreAllNullTuple(seen);
  for (int i = 0; i < counters->last_read; ++i) {
    seen->tts_values[i] = stored.row->tts_values[i];
    seen->tts_isnull[i] = stored.row->tts_isnull[i];
  }
  for (int i = 0; i < counters->ncounters; ++i) {
    const int column = counters->counters[i].attnum - 1;
    seen->tts_values[column] = stored.kept[i].datum;
    seen->tts_isnull[column] = stored.kept[i].isnull;
  }
  return seen;
}

bool is_true(Stored *stored, const ParentCompletion &completion) {
  const Counters *counters = stored->counters;
  require_condition(counters, completion);
  if (stored->seen == nullptr) stored->seen = make_seen(*stored);
  bool isnull;
  const User caller = become(counters->owner, SECURITY_RESTRICTED_OPERATION);
  const Datum value =
      evaluate(const_cast<Compiled *>(&counters->conditions), completion.condition, stored->seen, &isnull);
  restore(caller);
  return !isnull && DatumGetBool(value);
}

}  // namespace

bool is_complete(Stored *stored, const ParentCompletion &completion) {
  return completion.total != InvalidAttrNumber ? is_reached(*stored, completion) : is_true(stored, completion);
}

void release(Stored *stored) {
  if (stored->seen != nullptr) ExecDropSingleTupleTableSlot(stored->seen);
}

void require_condition(const Counters *counters, const ParentCompletion &completion) {
  if (completion.fault == nullptr) return;
  error_broken(counters->root,
               psprintf("what completes \"%s\" cannot be resolved: %s", completion.terms->done, completion.fault),
               "Give the owner of the table back what it names, or declare the tally without it.");
}

Value stored_value(const Stored &stored, AttrNumber attnum) {
  const int place = place_of(stored.counters, attnum);
  return place >= 0 ? stored.kept[place] : value_of(stored.row, attnum);
}

bool at_least(Oid type, Datum value, Oid bound_type, Datum bound) {
  if (type != NUMERICOID && bound_type != NUMERICOID) return int64_of(type, value) >= int64_of(bound_type, bound);
  return DatumGetBool(DirectFunctionCall2(numeric_ge, as_numeric(type, value), as_numeric(bound_type, bound)));
}

int place_of(const Counters *counters, AttrNumber attnum) {
  for (int i = 0; i < counters->nguarded; ++i)
    if (counters->guarded[i].attnum == attnum) return i;
  return -1;
}

}  // namespace ratchet
