// tally/tally.h: tallies resolved against their relations, kept in the cache.
//
// Counters is the parent's side, all tallies of it; Tally is one tally on the
// child's. Either is built for each relation that has its trigger, so for the
// partitions too, whose attribute numbers differ.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/execnodes.h"
#include "nodes/primnodes.h"
}

#include "activity/report.h"
#include "contract/guarded_column.h"
#include "contract/tally_terms.h"
#include "contract/trigger_cache.h"
#include "tally/compiled.h"
#include "tally/spill_table.h"

namespace ratchet {

// A column of the key that tallies reference.
struct KeyColumn {
  AttrNumber attnum;
  const char *name;
  Oid type;
  int16 typlen;
  bool typbyval;
  Oid collation;
  bool hashable;
  FmgrInfo hash;  // valid only if hashable
  FmgrInfo equal;
  FmgrInfo compare;
};

struct ParentCounter {
  AttrNumber attnum;
  const char *name;
  Oid type;  // smallint, integer, bigint or numeric
  int32 typmod;
};

struct ParentCompletion {
  const CompletionTerm *terms;
  AttrNumber total;      // InvalidAttrNumber: by a condition
  Oid total_type;        // valid only if total: as a counter's
  int counter;           // valid only if total: place in Counters.counters of what it is compared with
  int condition;         // valid only if not total: its place in Counters.conditions
  const char *fault;     // why the condition cannot be resolved; nullptr: it is
  Bitmapset *reads;      // columns of the total or the condition; offset as in TriggerData.tg_updatedcols
  AttrNumber done;       // InvalidAttrNumber: only a total
  AttrNumber done_at;    // InvalidAttrNumber: none
  Oid done_at_type;      // valid only if done_at: timestamptz or timestamp
  int32 done_at_typmod;  // the same
};

struct ParentBound {
  bool given;         // false: there is none
  AttrNumber attnum;  // InvalidAttrNumber: a number
  Oid type;           // as a counter's
  Datum number;       // numeric; valid only if there is no column
};

struct ParentLimit {
  const LimitTerm *terms;
  int counter;  // place in Counters.counters
  ParentBound max;
  ParentBound min;
};

struct Counters : Cached {
  Oid root;   // topmost partitioned ancestor, or the relation itself
  Oid owner;  // of the root
  Tracked tracked;
  const ParentTerms *terms;
  KeyColumn *key;
  int nkey;
  ParentCounter *counters;
  int ncounters;
  ParentCompletion *completions;
  int ncompletions;
  ParentLimit *limits;
  int nlimits;
  GuardedColumn *guarded;  // as terms->guarded
  int nguarded;
  Compiled conditions;            // of completions
  AttrNumber last_read;           // of any column that a condition reads
  bool told;                      // somebody is called or notified of a completion
  bool broken;                    // some completion has a fault
  uint64 looked_at_in;            // transaction in which that was found to stay so; valid only if broken
  Bitmapset *relevant;            // guarded, read and key; attribute numbers offset as in TriggerData.tg_updatedcols
  bool no_foreign_before_update;  // no BEFORE UPDATE row trigger but ratchet's
  bool is_child;                  // its own rows are counted somewhere
  const Trigger *guard;           // of the table; nullptr: it has none
  const SpillTable *spill;        // nullptr: counts do not spill, or have nowhere to, which spill_fault says
  const char *spill_fault;        // nullptr: none
  bool spill_hidden;              // there is a table for them that cannot be used, so what lies there is not known
  uint64 spill_locked_in;         // current_epoch() when its table was last locked; see lock_spill_table()

  bool direct;        // see tally/direct_flush.h
  Oid key_index;      // valid only if direct
  int *index_places;  // valid only if direct: which column of the key each of the index's attributes is
};

// How a counter looks at a row.
enum class Form : unsigned char {
  every,      // counts every row
  column,     // the value of one column
  expression  // anything else
};

struct Counted {
  const char *column;  // of the parent
  bool sum;
  Form form;
  AttrNumber attnum;  // valid only if form is column
  Expr *expression;   // valid only if form is expression; nullptr: it cannot be resolved
  const char *fault;  // why not; valid only if it cannot
  Oid type;           // of what is summed; valid only if sum
};

// A column of the foreign key.
struct ReferenceColumn {
  AttrNumber attnum;
  Expr *cast;  // to the type of the parent's column; nullptr: the two have the same representation
};

struct Tally : Cached {  // other: the parent
  Oid root;              // topmost partitioned ancestor of the child, or the child itself
  Tracked tracked;
  const ChildTerms *terms;
  ReferenceColumn *key;  // in the order of the parent's key
  int nkey;
  Counted *counted;
  int ncounted;
  GuardedColumn *used;  // columns of the child that any of it looks at
  int nused;
  AttrNumber last_used;

  bool broken;          // some counted has a fault
  uint64 looked_at_in;  // transaction in which that was found to stay so; valid only if broken

  Counters *counters;  // of the parent; valid while resolved_at is cache_generation()
  int *places;         // of the counted in counters->counters
  uint64 resolved_at;

  uint64 locked_in;  // current_epoch() when the parent was last locked for what is counted; see lock_parent()

  Compiled compiled;  // what is counted, then the casts of the key
};

// The conversion of a column of the foreign key to the type of the parent's column; nullptr: it needs none. Errors:
// sqlstate when there is none, or one that is not IMMUTABLE.
Expr *make_key_cast(Relation child, AttrNumber attnum, Oid parent_type, int sqlstate);

// The tally or counters of a trigger on this relation, built or rebuilt as
// needed. Errors: 42R01 when it cannot be enforced.
Tally *load_tally(Relation relation, const Trigger *trigger);
Counters *load_counters(Relation relation, const Trigger *trigger);

// The counters of a relation; nullptr: it has none, or they do not fire in this session.
Counters *find_counters(Relation relation);

// The counters of a parent. Errors: 42R01 when it has none, or they do not fire in this session.
Counters *require_counters(Relation parent);

// The counters that a tally writes, with `places` filled in; the parent is
// locked with ACCESS SHARE until the end of the transaction. Errors: 42R01.
Counters *resolve(Tally *tally);

// Locks the parent for what is about to be counted, once a transaction: a lock that was first taken at COMMIT would
// come after those of all the transaction's statements, in an order that no migration could keep to.
// Locks: ROW EXCLUSIVE on the parent, until the end of the transaction.
void lock_parent(Tally *tally);

// Counts are written, and children counted, as the owner of the parent: on
// behalf of a child that is somebody else's, that would be a gain. child: the
// topmost table. Errors: 42R01 when the owners differ.
void check_owner(Oid child, const Counters *counters);

// Evaluates against a row of the child. For a key that has a NULL false is returned.
bool evaluate_key(Tally *tally, TupleTableSlot *row, Datum *key);
Datum evaluate_counted(Tally *tally, int place, TupleTableSlot *row, bool *isnull);

// A smallint, integer or bigint.
inline int64 int64_of(Oid type, Datum value) {
  return type == INT8OID ? DatumGetInt64(value) : type == INT4OID ? DatumGetInt32(value) : DatumGetInt16(value);
}

// What is wrong with the parent's columns for these terms. Errors: sqlstate as in check_columns().
void check_kept(Relation parent, const ParentTerms *terms, int sqlstate);

// What is wrong with the conditions of these terms. Errors: sqlstate, or what the parser says.
void check_conditions(Relation parent, const ParentTerms *terms, int sqlstate);

// What is wrong with the columns that a condition reads: a set of attribute numbers, offset as in
// TriggerData.tg_updatedcols. Errors: sqlstate.
void check_reads(Relation parent, const ParentTerms *terms, const Bitmapset *reads, int sqlstate);

// Whether a counter can hold any count. Errors: sqlstate.
void check_scale(Relation parent, const char *name, int sqlstate);

// Whether a counter can hold the sum of a type. Errors: sqlstate.
void check_sum(Relation parent, const char *name, Oid type, int32 typmod, int sqlstate);

// Whether the counters can hold what they count. Errors: sqlstate.
void check_counted(Relation child, Relation parent, const ChildTerms *source, int sqlstate);

// A crash empties an unlogged child and leaves its parent's counters. Errors: sqlstate.
void check_persistence(Relation child, Oid parent, int sqlstate);

// No column has two contracts. Errors: 22023 when a tally writes one of these.
void check_not_counted(Relation relation, const char *const *columns, int count);

}  // namespace ratchet
