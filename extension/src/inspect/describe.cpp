// inspect/describe.cpp: ratchet.describe(), a contract in sentences for people.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "funcapi.h"
}

#include "contract/errors.h"
#include "declare/tally_triggers.h"
#include "guard/attempts_table.h"
#include "guard/guard_contract.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/partition.h"
#include "pg/quote.h"
#include "tally/references.h"
#include "tally/spill_table.h"

namespace ratchet {

namespace {

// One row of the answer.
void put(FunctionCallInfo fcinfo, const char *column, const char *policy, const char *sentence) {
  const auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  Datum values[3] = {column == nullptr ? Datum(0) : CStringGetTextDatum(column), CStringGetTextDatum(policy),
                     CStringGetTextDatum(sentence)};
  bool nulls[3] = {column == nullptr, false, false};
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

const char *joined(const char *const *names, int count) {
  StringInfoData out;
  initStringInfo(&out);
  for (int i = 0; i < count; ++i) appendStringInfo(&out, "%s%s", i > 0 ? ", " : "", names[i]);
  return out.data;
}

// What becomes of a write that is refused, after "a write that ...".
const char *fate(core::Mode mode, const char *sqlstate) {
  switch (mode) {
    case core::Mode::reject:
      return psprintf("fails with SQLSTATE %s", sqlstate);
    case core::Mode::keep:
      return "has the column kept as it is, and the rest goes through";
    case core::Mode::observe:
      return "goes through and is logged";
  }
  return "";
}

// "a", "a or b", "a, b or c"
const char *alternatives(const GraphTerms &graph, int from) {
  StringInfoData out;
  initStringInfo(&out);
  int left = 0;
  for (int to = 0; to < graph.nstates; ++to)
    if (graph.leads_to(from, to)) ++left;
  for (int to = 0; to < graph.nstates; ++to) {
    if (!graph.leads_to(from, to)) continue;
    if (out.len > 0) appendStringInfoString(&out, left == 1 ? " or " : ", ");
    appendStringInfoString(&out, graph.states[to]);
    --left;
  }
  return out.data;
}

const char *who_closes(const GuardTerms *terms) {
  return terms->gate_by == core::GateBy::submit ? "only ratchet.submit() closes it"
                                                : "ratchet.submit() closes it, or any UPDATE that sets it";
}

void describe_gate(FunctionCallInfo fcinfo, const GuardTerms *terms) {
  put(fcinfo, terms->gate, "gate",
      psprintf(
          "The gate of the row: %s, once; only ratchet.amend() opens it again. A write that changes it otherwise %s.%s",
          who_closes(terms), fate(terms->modes.owned, "23R01"),
          terms->time_zone == nullptr ? "" : psprintf(" A timestamp without time zone is of %s.", terms->time_zone)));
}

const char *owned_meaning(const GuardTerms *terms, const char *column) {
  if (terms->gate_at != nullptr && strcmp(column, terms->gate_at) == 0) return "When the gate was closed. ";
  if (terms->actor != nullptr && strcmp(column, terms->actor) == 0) return "Who closed the gate. ";
  if (terms->idempotency_key != nullptr && strcmp(column, terms->idempotency_key) == 0)
    return "The idempotency key of the call that wrote the row last. ";
  return "";
}

void describe_owned(FunctionCallInfo fcinfo, const GuardTerms *terms, const char *column) {
  const char *writer = terms->gate == nullptr ? "Written by ratchet.advance() only"
                       : terms->gate_by == core::GateBy::submit
                           ? "Written by ratchet.submit() only, when it closes the gate"
                           : "Written only when the gate closes, by ratchet.submit() or the UPDATE that closes it";
  put(fcinfo, column, "owned",
      psprintf("%s%s. A write that changes it otherwise %s.", owned_meaning(terms, column), writer,
               fate(terms->modes.owned, "23R01")));
}

// When a row is finished.
const char *finish(const GuardTerms *terms) {
  return terms->gate == nullptr ? "a state is terminal"
         : terms->ngraphs == 0  ? "the gate is closed"
                                : "the gate is closed or a state is terminal";
}

void describe_frozen(FunctionCallInfo fcinfo, const GuardTerms *terms, const char *column) {
  put(fcinfo, column, "frozen",
      psprintf("Free until %s, then fixed. A later write that changes it %s.", finish(terms),
               fate(terms->modes.frozen, "23R01")));
}

void describe_forward(FunctionCallInfo fcinfo, const GuardTerms *terms, const char *column) {
  const bool heartbeat = terms->heartbeat != nullptr && strcmp(column, terms->heartbeat) == 0;
  put(fcinfo, column, heartbeat ? "heartbeat" : "forward",
      psprintf("%sNever goes down. A write that would lower it or set it to NULL %s.",
               heartbeat ? "The last sign of life, set by ratchet.beat() and ratchet.advance(). " : "",
               fate(terms->modes.forward, "23R03")));
  if (!heartbeat || terms->alive_graph < 0) return;
  const GraphTerms &graph = terms->graphs[terms->alive_graph];
  StringInfoData states;
  initStringInfo(&states);
  for (int i = 0; i < graph.nstates; ++i)
    if (terms->alive[i]) appendStringInfo(&states, "%s%s", states.len > 0 ? ", " : "", graph.states[i]);
  put(fcinfo, column, "alive",
      psprintf("A row is alive while %s is one of: %s. Elsewhere ratchet.beat() answers finished, and ratchet.stuck() "
               "does not look.",
               graph.column, states.data));
}

void describe_states(FunctionCallInfo fcinfo, const GuardTerms *terms, const GraphTerms &graph) {
  for (int from = 0; from < graph.nstates; ++from)
    put(fcinfo, graph.column, "states",
        graph.is_terminal(from) ? psprintf("%s is terminal.", graph.states[from])
                                : psprintf("From %s to %s.", graph.states[from], alternatives(graph, from)));
  put(fcinfo, graph.column, "states",
      psprintf("A write that would leave a terminal state %s; any other move that is not listed %s.",
               fate(terms->modes.terminal, "23R02"), fate(terms->modes.transition, "23R02")));
}

void describe_fence(FunctionCallInfo fcinfo, const GuardTerms *terms) {
  const char *outdated =
      terms->modes.fence == core::Mode::reject ? "fails with SQLSTATE 23R04, and a verb answers stale"
      : terms->modes.fence == core::Mode::keep ? "leaves the whole row as it is, and a verb answers stale"
                                               : "goes through and is logged";
  put(fcinfo, terms->fence, "fence",
      psprintf(
          "Only grows. A write that brings a smaller value, or NULL over a value, is out of date as a whole: it %s.",
          outdated));
}

void describe_version(FunctionCallInfo fcinfo, const GuardTerms *terms) {
  const char *stale = terms->modes.version == core::Mode::reject ? "fails with SQLSTATE 23R04"
                      : terms->modes.version == core::Mode::keep ? "goes through as far as the other policies let it"
                                                                 : "goes through and is logged";
  put(fcinfo, terms->version, "version",
      psprintf(
          "Counted up by the database with every update%s. A write that brings another version than the row has %s.",
          terms->nignored == 0 ? "" : psprintf(" that changes more than %s", joined(terms->ignored, terms->nignored)),
          stale));
}

const char *describe_audit(Relation relation) {
  const Oid table = find_attempts_table(RelationGetRelid(relation));
  if (!OidIsValid(table)) return "What is attempted cannot be stored, and so fails: there is no table for it.";
  return psprintf(
      "What is attempted is stored in %s, which its owner reads, as all his such tables in ratchet.attempts.",
      qualified_relation(table));
}

void describe_guard(FunctionCallInfo fcinfo, Relation relation, const GuardTerms *terms) {
  for (int i = 0; i < terms->nguarded; ++i) {
    const char *column = terms->guarded[i];
    switch (terms->policies[i]) {
      case core::Policy::gate:
        describe_gate(fcinfo, terms);
        break;
      case core::Policy::owned:
        describe_owned(fcinfo, terms, column);
        break;
      case core::Policy::once:
        put(fcinfo, column, "once",
            psprintf("Written once, by any role: from NULL to a value. A later write that changes it %s.",
                     fate(terms->modes.once, "23R01")));
        break;
      case core::Policy::frozen:
        describe_frozen(fcinfo, terms, column);
        break;
      case core::Policy::forward:
        describe_forward(fcinfo, terms, column);
        break;
      case core::Policy::states:
        for (int j = 0; j < terms->ngraphs; ++j)
          if (strcmp(terms->graphs[j].column, column) == 0) describe_states(fcinfo, terms, terms->graphs[j]);
        break;
      case core::Policy::fence:
        describe_fence(fcinfo, terms);
        break;
      case core::Policy::version:
        describe_version(fcinfo, terms);
        break;
    }
  }
  if (terms->audit) put(fcinfo, nullptr, "audit", describe_audit(relation));
  if (terms->rate_text != nullptr)
    put(fcinfo, nullptr, "rate_limit",
        psprintf("An actor may call ratchet.submit() %s; beyond that it answers limited, and touches nothing.",
                 terms->rate_text));
  if (terms->insert_reject)
    put(fcinfo, nullptr, "insert",
        "A new row must be open, with owned columns at their defaults and in no terminal state; otherwise the INSERT "
        "fails "
        "with SQLSTATE 23R01.");
  if (terms->delete_reject)
    put(fcinfo, nullptr, "delete",
        psprintf("A row cannot be deleted once %s, and the table cannot be truncated; both fail with SQLSTATE 23R01.",
                 finish(terms)));
}

// What the rows of a child count for.
void describe_source(FunctionCallInfo fcinfo, Relation child, const ChildTerms *source) {
  const Oid parent = find_parent(child, source);
  const char *name = OidIsValid(parent) ? qualified_relation(parent) : "a table that is not there";
  StringInfoData counters;
  initStringInfo(&counters);
  for (int i = 0; i < source->ncounters; ++i)
    appendStringInfo(&counters, "%s%s", i > 0 ? ", " : "", source->counters[i].column);
  put(fcinfo, joined(source->via, source->nvia), "tally",
      psprintf("Each row counts for the row of %s that it refers to, in %s.", name, counters.data));
}

const char *meaning_of(const CounterTerm &counter, const char *child) {
  if (counter.sum) return psprintf("The sum of %s over the rows of %s", counter.expression, child);
  if (strcmp(counter.expression, "true") == 0) return psprintf("How many rows of %s there are", child);
  return psprintf("How many rows of %s there are with %s", child, counter.expression);
}

// condition: when the completion's column is true.
void describe_done(FunctionCallInfo fcinfo, const CompletionTerm &completion, const char *condition) {
  put(fcinfo, completion.done, "done",
      psprintf(
          "True while %s%s. Written by the database only; what others write is kept out.%s%s", condition,
          completion.latch ? ", and ever after" : "",
          completion.on_done != nullptr ? psprintf(" When it becomes true, %s is called.", completion.on_done) : "",
          completion.notify ? " It is notified on channel ratchet." : ""));
  if (completion.done_at != nullptr)
    put(fcinfo, completion.done_at, "done_at",
        psprintf("When %s became true%s.", completion.done,
                 completion.time_zone == nullptr ? "" : psprintf(", in %s", completion.time_zone)));
}

void describe_total(FunctionCallInfo fcinfo, const CompletionTerm &completion) {
  if (completion.total == nullptr) return;
  put(fcinfo, completion.total, "total",
      psprintf("How many rows %s is to reach; a change decides again whether the row is complete.",
               completion.total_of));
  if (completion.done != nullptr)
    describe_done(fcinfo, completion,
                  psprintf("%s is above 0 and %s has reached it", completion.total, completion.total_of));
}

void describe_limit(FunctionCallInfo fcinfo, const LimitTerm &limit) {
  for (const bool below : {false, true}) {
    const BoundTerm &bound = below ? limit.min : limit.max;
    if (!bound.given()) continue;
    put(fcinfo, limit.counter, "limit",
        psprintf(
            "Never goes %s %s. A write that would take it there, or bring the limit there, fails with SQLSTATE 23R05; "
            "ratchet.submit(), advance() and submit_batch() answer full.",
            below ? "below" : "above", bound.column != nullptr ? bound.column : bound.number));
  }
}

void describe_spill(FunctionCallInfo fcinfo, Oid parent) {
  const Oid table = find_spill_table(parent);
  put(fcinfo, OidIsValid(table) ? get_rel_name(table) : nullptr, "contention",
      OidIsValid(table)
          ? psprintf("A transaction that finds the row taken adds its counts to %s in place of waiting; row and table "
                     "together are exact in every snapshot.",
                     qualified_relation(table))
          : "There is no table for spilled counts: transactions wait for the row.");
}

// What a parent keeps for one child.
void describe_kept(FunctionCallInfo fcinfo, Relation child, const ChildTerms *source, const ParentTerms *kept) {
  for (int i = 0; i < source->ncounters; ++i)
    put(fcinfo, source->counters[i].column, "counter",
        psprintf(kept->spills
                     ? "%s, once what lies spilled is added: soon after a commit. Written by the database only; "
                       "what others write is kept out."
                     : "%s, exact at every commit. Written by the database only; what others write is kept out.",
                 meaning_of(source->counters[i], qualified_relation(RelationGetRelid(child)))));
  describe_total(fcinfo, completion_of(source, kept));
  for (int i = 0; i < kept->ncompletions; ++i)
    if (kept->completions[i].when != nullptr && is_of(kept->completions[i], source))
      describe_done(fcinfo, kept->completions[i], kept->completions[i].when);
  for (int i = 0; i < kept->nlimits; ++i)
    if (is_of(kept->limits[i], source)) describe_limit(fcinfo, kept->limits[i]);
}

void describe_tallies(FunctionCallInfo fcinfo, Relation relation) {
  for (const Trigger *trigger : find_triggers(relation, TriggerKind::child)) {
    describe_source(fcinfo, relation, parse_child_trigger(relation, trigger));
  }
  const Trigger *counters = find_trigger(relation, TriggerKind::parent);
  if (counters == nullptr) return;
  const ParentTerms *kept = parse_parent_trigger(relation, counters);
  if (kept->spills) describe_spill(fcinfo, find_topmost_ancestor(RelationGetRelid(relation)));
  for (const Oid oid : each_oid(tables_with(TriggerKind::child))) {
    Relation child = try_relation_open(oid, AccessShareLock);
    if (child == nullptr) continue;
    ListCell *source;
    foreach (source, tallies_between(child, relation))
      describe_kept(fcinfo, child, static_cast<const ChildTerms *>(lfirst(source)), kept);
    relation_close(child, AccessShareLock);
  }
}

void describe(FunctionCallInfo fcinfo) {
  InitMaterializedSRF(fcinfo, 0);
  if (PG_ARGISNULL(0)) error_null_argument("target");
  Relation relation = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
  if (relation == nullptr)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", PG_GETARG_OID(0)));
  if (const Trigger *guard = find_trigger(relation, TriggerKind::guard))
    describe_guard(fcinfo, relation, parse_guard_trigger(CurrentMemoryContext, relation, guard));
  describe_tallies(fcinfo, relation);
  relation_close(relation, AccessShareLock);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_describe) {
  ratchet::describe(fcinfo);
  return Datum(0);
}
