// inspect/contract_view.cpp: what the view ratchet.contract tells of a stored contract.
#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_trigger.h"
#include "funcapi.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
}

#include "contract/core_copy.h"
#include "contract/trigger_shapes.h"
#include "declare/tally_triggers.h"
#include "guard/guard_contract.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/text_array.h"
#include "tally/references.h"
#include "tally/structure.h"

namespace ratchet {

namespace {

// The arguments of a trigger, split at their terminating zeros.
Datum arguments_of(Oid trigger) {
  List *arguments = NIL;
  Relation catalog = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
  SysScanDesc scan = systable_beginscan(catalog, TriggerOidIndexId, true, nullptr, 1, &key);
  if (HeapTuple tuple = systable_getnext(scan)) {
    bool isnull;
    const Datum packed = heap_getattr(tuple, Anum_pg_trigger_tgargs, RelationGetDescr(catalog), &isnull);
    const int count = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple))->tgnargs;
    const char *argument = isnull ? "" : VARDATA_ANY(DatumGetByteaPP(packed));
    for (int i = 0; !isnull && i < count; ++i) {
      arguments = lappend(arguments, pstrdup(argument));
      argument += strlen(argument) + 1;
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return text_array(arguments);
}

Datum counters_object(const ChildTerms *source) {
  StringInfoData out;
  initStringInfo(&out);
  for (int i = 0; i < source->ncounters; ++i) {
    const CounterTerm &counter = source->counters[i];
    appendStringInfoString(&out, i > 0 ? ", " : "{");
    escape_json(&out, counter.column);
    appendStringInfoString(&out, ": ");
    escape_json(&out, counter.sum ? psprintf("sum(%s)", counter.expression) : counter.expression);
  }
  appendStringInfoChar(&out, '}');
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

// {"all_passed": {"when": "(passed = total)", "at": "passed_at", ...}, ...}: the completions of a tally by conditions;
// nullptr: it has none.
const char *completions_object(const ChildTerms *source, const ParentTerms *kept) {
  StringInfoData out;
  initStringInfo(&out);
  for (int i = 0; i < kept->ncompletions; ++i) {
    const CompletionTerm &completion = kept->completions[i];
    if (completion.when == nullptr || !is_of(completion, source)) continue;
    appendStringInfoString(&out, out.len > 0 ? ", " : "{");
    escape_json(&out, completion.done);
    appendStringInfoString(&out, ": {\"when\": ");
    escape_json(&out, completion.when);
    const auto put = [&](const char *member, const char *text) {
      if (text == nullptr) return;
      appendStringInfo(&out, ", \"%s\": ", member);
      escape_json(&out, text);
    };
    put("at", completion.done_at);
    put("time_zone", completion.time_zone);
    put("call", completion.on_done);
    if (completion.latch) appendStringInfoString(&out, ", \"latch\": true");
    if (completion.notify) appendStringInfoString(&out, ", \"notify\": true");
    appendStringInfoChar(&out, '}');
  }
  if (out.len == 0) return nullptr;
  appendStringInfoChar(&out, '}');
  return out.data;
}

// {"reserved": "capacity", "balance": {"min": 0}}: the limits of a tally; nullptr: it has none.
const char *limits_object(const ChildTerms *source, const ParentTerms *kept) {
  StringInfoData out;
  initStringInfo(&out);
  const auto put = [&](const BoundTerm &bound) {
    if (bound.column != nullptr)
      escape_json(&out, bound.column);
    else
      appendStringInfoString(&out, bound.number);
  };
  for (int i = 0; i < kept->nlimits; ++i) {
    const LimitTerm &limit = kept->limits[i];
    if (!is_of(limit, source)) continue;
    appendStringInfoString(&out, out.len > 0 ? ", " : "{");
    escape_json(&out, limit.counter);
    appendStringInfoString(&out, ": ");
    if (!limit.min.given()) {
      put(limit.max);
      continue;
    }
    appendStringInfoString(&out, limit.max.given() ? "{\"max\": " : "{");
    if (limit.max.given()) {
      put(limit.max);
      appendStringInfoString(&out, ", ");
    }
    appendStringInfoString(&out, "\"min\": ");
    put(limit.min);
    appendStringInfoChar(&out, '}');
  }
  if (out.len == 0) return nullptr;
  appendStringInfoChar(&out, '}');
  return out.data;
}

// What the view tells about one tally: parent, via, counters, total, total_of,
// done, done_at, on_done, latch, notify, time_zone, completions, limits, contention.
Datum tally_row(FunctionCallInfo fcinfo) {
  enum {
    parent,
    via,
    counters,
    total,
    total_of,
    done,
    done_at,
    on_done,
    latch,
    notify,
    time_zone,
    completions,
    limits,
    contention,
    count
  };
  Datum values[count] = {};
  bool nulls[count];
  memset(nulls, true, sizeof(nulls));
  const auto put = [&](int place, Datum value) {
    values[place] = value;
    nulls[place] = false;
  };
  const auto put_text = [&](int place, const char *text) {
    if (text != nullptr) put(place, CStringGetTextDatum(text));
  };
  Relation child = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
  const Oid wanted = PG_GETARG_OID(1);
  const Triggers triggers = child != nullptr ? find_triggers(child, TriggerKind::child) : Triggers{0, nullptr};
  for (const Trigger *trigger : triggers) {
    if (trigger->tgoid != wanted) continue;
    const ChildTerms *source = parse_child_trigger(child, trigger);
    List *columns = NIL;
    for (int i = 0; i < source->nvia; ++i) columns = lappend(columns, const_cast<char *>(source->via[i]));
    put(via, text_array(columns));
    put(counters, counters_object(source));
    const Oid parent_oid = find_parent(child, source);
    if (!OidIsValid(parent_oid)) break;
    put(parent, ObjectIdGetDatum(parent_oid));
    Relation relation = table_open(parent_oid, AccessShareLock);
    if (const Trigger *kept = find_trigger(relation, TriggerKind::parent)) {
      const ParentTerms *terms = parse_parent_trigger(relation, kept);
      const CompletionTerm completion = completion_of(source, terms);
      put_text(total, completion.total);
      put_text(total_of, completion.total_of);
      put_text(done, completion.done);
      put_text(done_at, completion.done_at);
      put_text(on_done, completion.on_done);
      put(latch, BoolGetDatum(completion.latch));
      put(notify, BoolGetDatum(completion.notify));
      put_text(time_zone, completion.time_zone);
      if (const char *object = completions_object(source, terms))
        put(completions, DirectFunctionCall1(jsonb_in, CStringGetDatum(object)));
      if (const char *object = limits_object(source, terms))
        put(limits, DirectFunctionCall1(jsonb_in, CStringGetDatum(object)));
      put_text(contention, terms->spills ? "spill" : "wait");
    }
    table_close(relation, AccessShareLock);
    break;
  }
  if (child != nullptr) relation_close(child, AccessShareLock);
  TupleDesc tupdesc;
  if (get_call_result_type(fcinfo, nullptr, &tupdesc) != TYPEFUNC_COMPOSITE)
    elog(ERROR, "return type must be a row type");
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

// {"status": {"queued": ["running"], ...}, ...} of a guard's trigger; NULL: it has no states.
Datum states_of(Relation relation, Oid wanted, bool *isnull) {
  const Trigger *guard = find_trigger(relation, TriggerKind::guard);
  *isnull = guard == nullptr || guard->tgoid != wanted;
  if (*isnull) return Datum(0);
  const GuardTerms *terms = parse_guard_trigger(CurrentMemoryContext, relation, guard);
  *isnull = terms->ngraphs == 0;
  if (*isnull) return Datum(0);
  StringInfoData out;
  initStringInfo(&out);
  for (int i = 0; i < terms->ngraphs; ++i) {
    const GraphTerms &graph = terms->graphs[i];
    appendStringInfoString(&out, i > 0 ? ", " : "{");
    escape_json(&out, graph.column);
    appendStringInfoString(&out, ": {");
    for (int from = 0; from < graph.nstates; ++from) {
      if (from > 0) appendStringInfoString(&out, ", ");
      escape_json(&out, graph.states[from]);
      appendStringInfoString(&out, ": [");
      bool first = true;
      for (int to = 0; to < graph.nstates; ++to) {
        if (!graph.leads_to(from, to)) continue;
        if (!first) appendStringInfoString(&out, ", ");
        escape_json(&out, graph.states[to]);
        first = false;
      }
      appendStringInfoChar(&out, ']');
    }
    appendStringInfoChar(&out, '}');
  }
  appendStringInfoChar(&out, '}');
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_tally_row) { return ratchet::tally_row(fcinfo); }

RATCHET_FUNCTION(ratchet_tally_row_0_2) { return ratchet::tally_row(fcinfo); }

RATCHET_FUNCTION(ratchet_arguments) { return ratchet::arguments_of(PG_GETARG_OID(0)); }

RATCHET_FUNCTION(ratchet_states) {
  Relation relation = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
  if (relation == nullptr) PG_RETURN_NULL();
  bool isnull;
  const Datum states = ratchet::states_of(relation, PG_GETARG_OID(1), &isnull);
  relation_close(relation, AccessShareLock);
  if (isnull) PG_RETURN_NULL();
  return states;
}
