// guard/policy.h: what the policies of a contract say of one column of one row.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "executor/tuptable.h"
}

#include "guard/guard_trigger.h"
#include "pg/row_value.h"

namespace ratchet {

// Why a change of a guarded column is refused.
enum class Refusal : unsigned char {
  none,
  owned,       // only the closing of the gate may write it
  once,        // it is set
  frozen,      // the gate is closed, or a state is terminal
  backward,    // it would go down
  transition,  // its graph has no such transition
  terminal,    // it would leave a terminal state
  outdated     // the fence would go down
};

// What is wrong with the columns that policies name, beside that they exist.
ColumnFault find_policy_fault(Relation relation, const GuardTerms *terms, Faults which);

// What is wrong with a column of this type that shall have these states.
ColumnFault find_graph_fault(Oid declared, int32 typmod, const GraphTerms &graph);

// Fills in what policies need: comparison functions, states, version. In the current memory context.
void resolve_policies(Relation relation, GuardContract *contract);

// The column by which the row is finished: its gate is closed, or a state is terminal; nullptr: it is not.
const char *finishing_column(const GuardContract *contract, TupleTableSlot *row, bool *state);

// Whether the row's gate is closed or one of its states is terminal.
bool is_finished(const GuardContract *contract, TupleTableSlot *row);

// Whether somebody may be at work on the row: it is not finished, and in one of the states that `alive` names.
bool is_alive(const GuardContract *contract, TupleTableSlot *row);

// Whether the write brings a smaller fence than the row has: NULL is smaller than any other value. A write that leaves
// the fence alone does not.
bool lowers_fence(const TriggerData *trigger, const GuardContract *contract);

// Whether the change of this guarded column (a place in contract->guarded) is refused, as far as only the two
// images of the row decide.
Refusal refusal_of(const TriggerData *trigger, const GuardContract *contract, int place);

core::Mode mode_of(const GuardContract *contract, Refusal refusal);

// The SQLSTATE of a write that is refused so under a contract that says nothing of modes; 0: its column is kept.
int sqlstate_by_default(Refusal refusal);

// Raises the refusal. Errors: 23R01, 23R02, 23R03, 23R04.
[[noreturn]] void error_refused(const TriggerData *trigger, const GuardContract *contract, int place, Refusal refusal);

// The place of a value in the column's states; -1: it is none of them.
int state_of(const StateColumn *column, Datum value);

// The same by its name. Errors: 22023 when there is no such state.
int require_state(Relation relation, const StateColumn *column, const char *name);

// Whether the column may go from one value to another; staying is no move.
bool may_move(const StateColumn *column, const Value &from, const Value &to);

// Whether a new row may be in this state (a place in contract->guarded): not begun, or in one that leads somewhere.
bool is_open_state(const GuardContract *contract, int place, const Value &value);

// The state column with this name; nullptr: none.
const StateColumn *find_state_column(const GuardContract *contract, const char *name);

}  // namespace ratchet
