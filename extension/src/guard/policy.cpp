#include "pg/pg.h"

extern "C" {
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/datum.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

#include <algorithm>

#include <cerrno>
#include <cstdlib>

#include "contract/errors.h"
#include "contract/report_row.h"
#include "guard/policy.h"
#include "pg/column_right.h"
#include "pg/memory.h"
#include "pg/row_value.h"

namespace ratchet {

namespace {

Form_pg_attribute attribute_named(Relation relation, const char *name) {
  return TupleDescAttr(RelationGetDescr(relation), get_attnum(RelationGetRelid(relation), name) - 1);
}

constexpr const char *remedy = "Change the contract with ratchet.guard(..., replace => true).";

bool is_integer(Oid type) { return type == INT2OID || type == INT4OID || type == INT8OID; }

// As the type prints it: two spellings of one value would be two states.
bool is_integer_text(const char *text, Oid type) {
  errno = 0;
  const long long value = strtoll(text, nullptr, 10);
  if (errno != 0 || strcmp(psprintf("%lld", value), text) != 0) return false;
  return type == INT8OID || (type == INT4OID ? value == static_cast<int32>(value) : value == static_cast<int16>(value));
}

bool is_label(const char *text, Oid type) {
  return strlen(text) < NAMEDATALEN &&
         SearchSysCacheExists2(ENUMTYPOIDNAME, ObjectIdGetDatum(type), CStringGetDatum(text));
}

// Why a state cannot be a value of the column, as in ColumnFault; nullptr: it can.
const char *state_fault(Oid type, int32 typmod, const char *state) {
  if (is_integer(type))
    return is_integer_text(state, type)
               ? nullptr
               : "column \"%s\" of relation \"%s\" cannot have state \"%s\": it is no value of type %s";
  if (type_is_enum(type))
    return is_label(state, type)
               ? nullptr
               : "column \"%s\" of relation \"%s\" cannot have state \"%s\": it is no label of type %s";
  if (type == VARCHAROID && typmod >= VARHDRSZ && pg_mbstrlen(state) > typmod - VARHDRSZ)
    return "column \"%s\" of relation \"%s\" cannot have state \"%s\": it is too long for type %s";
  return nullptr;
}

void resolve_comparison(Relation relation, GuardContract *contract, int place) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), contract->guarded[place].attnum - 1);
  const TypeCacheEntry *type = lookup_type_cache(getBaseType(attribute->atttypid), TYPECACHE_CMP_PROC);
  // Its operator class may be gone with its type's owner's consent; whoever writes the column is told.
  if (OidIsValid(type->cmp_proc)) fmgr_info_cxt(type->cmp_proc, &contract->compare[place], CurrentMemoryContext);
  contract->collations[place] = attribute->attcollation;
}

StateColumn state_column(Relation relation, const GuardContract *contract, const GraphTerms *graph) {
  StateColumn column{};
  column.graph = graph;
  const Form_pg_attribute attribute = attribute_named(relation, graph->column);
  column.attnum = attribute->attnum;
  column.type = attribute->atttypid;
  column.typlen = attribute->attlen;
  column.typbyval = attribute->attbyval;
  for (int place = 0; place < contract->nguarded; ++place)
    if (contract->terms->policies[place] == core::Policy::states && contract->guarded[place].attnum == column.attnum)
      column.place = place;
  column.relation = RelationGetRelid(relation);
  column.fault =
      text_of(find_graph_fault(column.type, attribute->atttypmod, *graph), RelationGetRelationName(relation));
  if (column.fault != nullptr) return column;
  Oid input, parameter;
  getTypeInputInfo(getBaseType(column.type), &input, &parameter);
  column.values = palloc_array<Datum>(graph->nstates);
  for (int i = 0; i < graph->nstates; ++i)
    column.values[i] = OidInputFunctionCall(input, const_cast<char *>(graph->states[i]), parameter, -1);
  return column;
}

const StateColumn *column_at(const GuardContract *contract, int place) {
  for (int i = 0; i < contract->nstates; ++i)
    if (contract->states[i].place == place) return &contract->states[i];
  return nullptr;
}

bool is_terminal(const StateColumn *column, const Value &value) {
  if (value.isnull) return false;
  const int state = state_of(column, value.datum);
  return state >= 0 && column->graph->is_terminal(state);
}

bool has_order(core::Policy policy) { return policy == core::Policy::forward || policy == core::Policy::fence; }

// As what a column needs the order of its type.
const char *place_in_order(core::Policy policy) { return policy == core::Policy::fence ? "the fence" : "forward"; }

bool goes_down(const GuardContract *contract, int place, const Value &from, const Value &to) {
  if (from.isnull) return false;
  if (to.isnull) return true;
  FmgrInfo *compare = &contract->compare[place];
  if (!OidIsValid(compare->fn_oid))
    error_broken(contract->relation,
                 psprintf("column \"%s\" cannot be %s: its type has no default order", contract->guarded[place].name,
                          place_in_order(contract->terms->policies[place])),
                 remedy);
  return DatumGetInt32(FunctionCall2Coll(compare, contract->collations[place], to.datum, from.datum)) < 0;
}

}  // namespace

ColumnFault find_graph_fault(Oid declared, int32 typmod, const GraphTerms &graph) {
  const Oid type = getBaseTypeAndTypmod(declared, &typmod);
  if (!is_integer(type) && type != TEXTOID && type != VARCHAROID && !type_is_enum(type))
    return {
        graph.column,
        "column \"%s\" of relation \"%s\" cannot have states: its type must be text, varchar, an integer or an enum"};
  for (int i = 0; i < graph.nstates; ++i)
    if (const char *message = state_fault(type, typmod, graph.states[i]))
      return {graph.column, message, graph.states[i], format_type_with_typemod(type, typmod)};
  return {};
}

ColumnFault find_policy_fault(Relation relation, const GuardTerms *terms, Faults which) {
  for (int i = 0; i < terms->nguarded; ++i) {
    const char *column = terms->guarded[i];
    const Oid type = getBaseType(attribute_named(relation, column)->atttypid);
    if (which == Faults::all && has_order(terms->policies[i]) &&
        !OidIsValid(lookup_type_cache(type, TYPECACHE_CMP_PROC)->cmp_proc))
      return {column, "column \"%s\" of relation \"%s\" cannot be %s: type %s has no default order",
              place_in_order(terms->policies[i]), format_type_be(type)};
    if (terms->policies[i] == core::Policy::version && !is_integer(type))
      return {column,
              "column \"%s\" of relation \"%s\" cannot be the version: its type must be smallint, integer or bigint"};
  }
  if (terms->heartbeat != nullptr) {
    const Oid type = getBaseType(attribute_named(relation, terms->heartbeat)->atttypid);
    if (type != TIMESTAMPTZOID)
      return {terms->heartbeat,
              "column \"%s\" of relation \"%s\" cannot be the heartbeat: its type must be timestamp with time zone"};
  }
  for (int i = 0; which == Faults::all && i < terms->ngraphs; ++i) {
    const Form_pg_attribute attribute = attribute_named(relation, terms->graphs[i].column);
    const ColumnFault fault = find_graph_fault(attribute->atttypid, attribute->atttypmod, terms->graphs[i]);
    if (fault.column != nullptr) return fault;
  }
  return {};
}

void resolve_policies(Relation relation, GuardContract *contract) {
  const GuardTerms *terms = contract->terms;
  contract->compare = palloc0_array<FmgrInfo>(terms->nguarded);
  contract->collations = palloc0_array<Oid>(terms->nguarded);
  contract->only_gate = true;
  for (int place = 0; place < terms->nguarded; ++place) {
    if (has_order(terms->policies[place])) resolve_comparison(relation, contract, place);
    contract->only_gate = contract->only_gate && (terms->policies[place] == core::Policy::gate ||
                                                  terms->policies[place] == core::Policy::owned);
    if (terms->policies[place] == core::Policy::fence) {
      contract->fence = contract->guarded[place].attnum;
      contract->fence_place = place;
    }
    if (terms->policies[place] == core::Policy::version) {
      contract->version = contract->guarded[place].attnum;
      contract->version_place = place;
      contract->version_type = getBaseType(attribute_named(relation, terms->version)->atttypid);
    }
  }
  if (terms->heartbeat != nullptr) contract->heartbeat = attribute_named(relation, terms->heartbeat)->attnum;
  contract->nstates = terms->ngraphs;
  contract->states = palloc_array<StateColumn>(terms->ngraphs);
  for (int i = 0; i < terms->ngraphs; ++i) contract->states[i] = state_column(relation, contract, &terms->graphs[i]);
}

// Only who needs to know a state is told that the states cannot be read.
static void check_states(const StateColumn *column) {
  if (column->fault == nullptr) return;
  error_broken(column->relation, column->fault, remedy);
}

int state_of(const StateColumn *column, Datum value) {
  check_states(column);
  for (int i = 0; i < column->graph->nstates; ++i)
    if (same_image(column->values[i], false, value, false, column->typbyval, column->typlen)) return i;
  return -1;
}

int require_state(Relation relation, const StateColumn *column, const char *name) {
  check_states(column);
  StringInfoData known;
  initStringInfo(&known);
  for (int i = 0; i < column->graph->nstates; ++i) {
    if (strcmp(column->graph->states[i], name) == 0) return i;
    appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", column->graph->states[i]);
  }
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("column \"%s\" of relation \"%s\" has no such state", column->graph->column,
                 RelationGetRelationName(relation)),
          errhint("Its states are %s.", known.data), errtablecolname(relation, column->graph->column));
  pg_unreachable();
}

bool may_move(const StateColumn *column, const Value &from, const Value &to) {
  if (to.isnull) return false;
  const int after = state_of(column, to.datum);
  // NULL is "not begun".
  if (from.isnull) return after >= 0;
  const int before = state_of(column, from.datum);
  return before >= 0 && after >= 0 && column->graph->leads_to(before, after);
}

const StateColumn *find_state_column(const GuardContract *contract, const char *name) {
  for (int i = 0; i < contract->nstates; ++i)
    if (strcmp(contract->states[i].graph->column, name) == 0) return &contract->states[i];
  return nullptr;
}

bool is_open_state(const GuardContract *contract, int place, const Value &value) {
  const StateColumn *column = column_at(contract, place);
  if (value.isnull) return true;
  const int state = state_of(column, value.datum);
  return state >= 0 && !column->graph->is_terminal(state);
}

const char *finishing_column(const GuardContract *contract, TupleTableSlot *row, bool *state) {
  *state = false;
  if (contract->gate != InvalidAttrNumber) {
    const Value gate = value_of(row, contract->gate);
    if (gate_is_closed(contract, gate.datum, gate.isnull)) return contract->terms->gate;
  }
  *state = true;
  for (int i = 0; i < contract->nstates; ++i)
    if (is_terminal(&contract->states[i], value_of(row, contract->states[i].attnum)))
      return contract->states[i].graph->column;
  return nullptr;
}

bool is_finished(const GuardContract *contract, TupleTableSlot *row) {
  bool state;
  return finishing_column(contract, row, &state) != nullptr;
}

bool is_alive(const GuardContract *contract, TupleTableSlot *row) {
  if (is_finished(contract, row)) return false;
  const GuardTerms *terms = contract->terms;
  if (terms->alive_graph < 0) return true;
  const StateColumn *column = &contract->states[terms->alive_graph];
  const Value value = value_of(row, column->attnum);
  const int state = value.isnull ? -1 : state_of(column, value.datum);
  return state >= 0 && terms->alive[state];
}

bool lowers_fence(const TriggerData *trigger, const GuardContract *contract) {
  return contract->fence != InvalidAttrNumber &&
         goes_down(contract, contract->fence_place, value_of(trigger->tg_trigslot, contract->fence),
                   value_of(trigger->tg_newslot, contract->fence));
}

Refusal refusal_of(const TriggerData *trigger, const GuardContract *contract, int place) {
  const AttrNumber attnum = contract->guarded[place].attnum;
  const Value from = value_of(trigger->tg_trigslot, attnum);
  const Value to = value_of(trigger->tg_newslot, attnum);
  switch (contract->terms->policies[place]) {
    case core::Policy::gate:
      // NULL and false are both an open gate: going from one to the other is nobody's business.
      if (!gate_is_closed(contract, from.datum, from.isnull) && !gate_is_closed(contract, to.datum, to.isnull))
        return Refusal::none;
      return Refusal::owned;
    case core::Policy::owned:
      return Refusal::owned;
    case core::Policy::once:
      return from.isnull ? Refusal::none : Refusal::once;
    case core::Policy::frozen:
      return is_finished(contract, trigger->tg_trigslot) ? Refusal::frozen : Refusal::none;
    case core::Policy::forward:
      return goes_down(contract, place, from, to) ? Refusal::backward : Refusal::none;
    case core::Policy::states: {
      const StateColumn *column = column_at(contract, place);
      if (is_terminal(column, from)) return Refusal::terminal;
      return may_move(column, from, to) ? Refusal::none : Refusal::transition;
    }
    case core::Policy::fence:
      return goes_down(contract, place, from, to) ? Refusal::outdated : Refusal::none;
    case core::Policy::version:
      return Refusal::none;  // guard/guard_trigger.cpp sees to it
  }
  return Refusal::none;
}

static core::Mode mode_of(const core::Modes &modes, Refusal refusal) {
  switch (refusal) {
    case Refusal::once:
      return modes.once;
    case Refusal::frozen:
      return modes.frozen;
    case Refusal::backward:
      return modes.forward;
    case Refusal::transition:
      return modes.transition;
    case Refusal::terminal:
      return modes.terminal;
    case Refusal::outdated:
      return modes.fence;
    default:
      return modes.owned;
  }
}

core::Mode mode_of(const GuardContract *contract, Refusal refusal) { return mode_of(contract->terms->modes, refusal); }

static int sqlstate_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::backward:
      return sqlstate_backward;
    case Refusal::transition:
    case Refusal::terminal:
      return sqlstate_transition;
    case Refusal::outdated:
      return sqlstate_stale;
    default:
      return sqlstate_guarded_column;
  }
}

int sqlstate_by_default(Refusal refusal) {
  return refusal != Refusal::none && mode_of(core::Modes{}, refusal) == core::Mode::reject ? sqlstate_of(refusal) : 0;
}

// Names of states are the contract's, but which of them the row has is told only to who may read it.
static const char *transition_text(const TriggerData *trigger, const StateColumn *column) {
  Relation relation = trigger->tg_relation;
  const Value from = value_of(trigger->tg_trigslot, column->attnum);
  const Value to = value_of(trigger->tg_newslot, column->attnum);
  const int before = from.isnull ? -1 : state_of(column, from.datum);
  const int after = to.isnull ? -1 : state_of(column, to.datum);
  const bool all_rows = !relation->rd_rel->relrowsecurity;
  if (!may_select(RelationGetRelid(relation), column->attnum) || !all_rows || before < 0)
    return "The contract has no such transition.";
  StringInfoData next;
  initStringInfo(&next);
  for (int i = 0; i < column->graph->nstates; ++i)
    if (column->graph->leads_to(before, i))
      appendStringInfo(&next, "%s\"%s\"", next.len > 0 ? ", " : "", column->graph->states[i]);
  const char *to_what = to.isnull   ? "NULL"
                        : after < 0 ? "a value that is none of its states"
                                    : psprintf("\"%s\"", column->graph->states[after]);
  return psprintf("From \"%s\" the contract leads to %s, not to %s.", column->graph->states[before], next.data,
                  to_what);
}

void error_refused(const TriggerData *trigger, const GuardContract *contract, int place, Refusal refusal) {
  Relation relation = trigger->tg_relation;
  const char *column = contract->guarded[place].name;
  const Value gate =
      contract->gate == InvalidAttrNumber ? Value{Datum(0), true} : value_of(trigger->tg_trigslot, contract->gate);
  const bool closed = gate_is_closed(contract, gate.datum, gate.isnull);
  report_row(contract->tracked, Event::rejected, contract->guarded, bms_make_singleton(place), trigger,
             sqlstate_of(refusal));
  switch (refusal) {
    case Refusal::once:
      error_guarded_column(relation, column, "The column is written once, and it is set.");
    case Refusal::frozen:
      error_guarded_column(relation, column,
                           closed ? "The row is submitted; the column changes only through ratchet.amend()."
                                  : "The row is in a terminal state; the column changes only through ratchet.amend().");
    case Refusal::backward:
      error_backward(relation, column);
    case Refusal::transition:
      error_transition(relation, column, transition_text(trigger, column_at(contract, place)));
    case Refusal::outdated:
      error_stale_fence(relation, column);
    case Refusal::terminal:
      error_transition(relation, column,
                       "The row is in a terminal state, which it leaves only through ratchet.amend().");
    default:
      error_guarded_column(relation, column,
                           closed ? "The row is submitted; the column changes only through ratchet.amend()."
                           : contract->gate == InvalidAttrNumber
                               ? "Only ratchet.advance() may write the column."
                               : "Only the submission of the row may write the column.");
  }
}

}  // namespace ratchet
