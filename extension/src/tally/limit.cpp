#include "pg/pg.h"

extern "C" {
#include "commands/defrem.h"
}

#include "contract/errors.h"
#include "tally/limit.h"

namespace ratchet {

namespace {

// One end of a limit: a counter and how far it may go.
struct End {
  Oid type;
  Value count;
  Oid bound_type;
  Value bound;
};

bool is_over(const End &end, bool below) {
  if (end.bound.isnull) return false;
  const Datum count = end.count.isnull ? Int64GetDatum(0) : end.count.datum;
  const Oid type = end.count.isnull ? INT8OID : end.type;
  return below ? !at_least(type, count, end.bound_type, end.bound.datum)
               : !at_least(end.bound_type, end.bound.datum, type, count);
}

// Whether the counter has gone further, or its bound come nearer, than before.
bool is_further(const End &before, const End &after, bool below) {
  // What is beyond the counter, or the bound, that there was.
  return is_over({after.type, after.count, before.type,
                  before.count.isnull ? Value{Int64GetDatum(0), false} : before.count},
                 below) ||
         before.bound.isnull || is_over({before.bound_type, before.bound, after.bound_type, after.bound}, below);
}

bool breaks(const Stored &stored, TupleTableSlot *before, const ParentLimit &limit, bool below) {
  const ParentBound &bound = below ? limit.min : limit.max;
  if (!bound.given) return false;
  const ParentCounter &counter = stored.counters->counters[limit.counter];
  const bool fixed = bound.attnum == InvalidAttrNumber;
  const End now{counter.type, stored.kept[limit.counter], bound.type,
                fixed ? Value{bound.number, false} : stored_value(stored, bound.attnum)};
  if (!is_over(now, below)) return false;
  const End then{counter.type, value_of(before, counter.attnum), bound.type,
                 fixed ? Value{bound.number, false} : value_of(before, bound.attnum)};
  return is_further(then, now, below);
}

}  // namespace

Breach find_breach(const Stored &stored, TupleTableSlot *before) {
  for (int i = 0; i < stored.counters->nlimits; ++i)
    for (const bool below : {false, true})
      if (breaks(stored, before, stored.counters->limits[i], below)) return {&stored.counters->limits[i], below};
  return {nullptr, false};
}

void error_breach(const Counters *counters, const Breach &breach) {
  const char *table = get_rel_name(counters->root);
  const char *counter = breach.limit->terms->counter;
  const BoundTerm &bound = breach.below ? breach.limit->terms->min : breach.limit->terms->max;
  error_limit(counters->root, counter, breach.below, bound.column, makeObjectName(table, counter, "limit"));
}

bool is_limited(Relation child) {
  for (const Trigger *trigger : find_triggers(child, TriggerKind::child))
    if (fires_now(*trigger) && resolve(load_tally(child, trigger))->nlimits > 0) return true;
  return false;
}

const char *limit_in(const ErrorData *error) {
  return error->sqlerrcode == sqlstate_limit ? error->constraint_name : nullptr;
}

}  // namespace ratchet
