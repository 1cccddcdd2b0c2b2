// guard/guard_contract.h: guard contracts resolved against a relation, kept in the cache.
#pragma once

#include "pg/pg.h"

#include "activity/report.h"
#include "contract/guard_terms.h"
#include "contract/guarded_column.h"
#include "contract/trigger_cache.h"

namespace ratchet {

// A column that moves through states.
struct StateColumn {
  AttrNumber attnum;
  int place;  // in GuardContract.guarded
  Oid type;
  int16 typlen;
  bool typbyval;
  const GraphTerms *graph;
  Oid relation;
  const char *fault;  // why not all states are values of the type; nullptr: they are
  Datum *values;      // of graph->states; valid only without a fault
};

struct GuardContract : Cached {
  Oid root;  // topmost partitioned ancestor, or the relation itself
  Tracked tracked;

  const GuardTerms *terms;
  GuardedColumn *guarded;  // as terms->guarded: the gate first, if there is one
  int nguarded;
  Bitmapset *guarded_set;      // their attribute numbers, offset as in TriggerData.tg_updatedcols
  AttrNumber last_guarded;     // the highest attribute number among them
  AttrNumber gate;             // InvalidAttrNumber: none
  AttrNumber gate_at;          // InvalidAttrNumber: none
  AttrNumber actor;            // InvalidAttrNumber: none
  AttrNumber idempotency_key;  // InvalidAttrNumber: none
  bool key_is_unique;          // an index may refuse an idempotency key that another row has
  FmgrInfo actor_output;       // valid only if actor
  Oid gate_type;               // base type: timestamptz, timestamp or boolean; valid only if gate

  FmgrInfo *compare;    // of each guarded column; valid only where the rule is forward or fence
  Oid *collations;      // the same
  StateColumn *states;  // as terms->graphs
  int nstates;
  AttrNumber heartbeat;  // InvalidAttrNumber: none
  AttrNumber fence;      // InvalidAttrNumber: none
  int fence_place;       // in guarded; valid only if fence
  AttrNumber version;    // InvalidAttrNumber: none
  int version_place;     // in guarded; valid only if version
  Oid version_type;      // base type; valid only if version
  Bitmapset *ignored;    // attribute numbers of columns whose changes are no new version; nullptr: none
  bool only_gate;        // there is no other policy

  AttrNumber primary_key;  // the only column of the primary key; InvalidAttrNumber: none, or several

  Oid primary_index;       // valid only if primary_key
  FmgrInfo primary_equal;  // valid only if primary_key
  bool direct;             // see verb/direct_submit.h

  // The guard is the table's only BEFORE UPDATE row trigger, and its rows do
  // not move: what a statement sets is what is stored.
  bool new_is_stored;

  bool is_parent;  // tallies count for the table

  Bitmapset *partition_key;  // attribute numbers whose change may move a row; nullptr: not a partition
  uint64 moves_checked;      // cache_generation() at which moves were last found safe
};

// The contract of a guard trigger on this relation, built or rebuilt as
// needed. Errors: 42R01 when it cannot be enforced.
GuardContract *load_guard_contract(Relation relation, const Trigger *trigger);

// The contract that a verb works with. Errors: 42R01 when there is none or it does not fire in this session.
GuardContract *require_contract(Relation relation);

// The contract that is enforced in this session; nullptr: none is.
GuardContract *find_contract(Relation relation);

// What is wrong with the guarded columns of a relation; column is nullptr when all is well.
struct ColumnFault {
  const char *column = nullptr;
  // The whole sentence, with a %s for the column's name, the relation's, and each of the next; nullptr: there is no
  // such column.
  const char *message = nullptr;
  const char *more = nullptr;
  const char *also = nullptr;
};

// The sentence; nullptr: the fault has none.
const char *text_of(const ColumnFault &fault, const char *relation);

// Which faults: a type's owner can make others than the table's, and a contract must not fail every write for those.
enum class Faults : unsigned char {
  all,
  own  // without which no write can be judged
};
ColumnFault find_column_fault(Relation relation, const GuardTerms *terms, Faults which = Faults::all);

// Raises such a fault. sqlstate: 22023 at declaration, 42R01 for a contract gone stale.
void check_columns(Relation relation, const GuardTerms *terms, int sqlstate, Faults which = Faults::all);

// The only column of the primary key; InvalidAttrNumber: there is none, or it has several.
AttrNumber single_primary_key(Relation relation);

bool gate_is_closed(const GuardContract *contract, Datum value, bool isnull);

}  // namespace ratchet
