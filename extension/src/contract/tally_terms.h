// contract/tally_terms.h: a tally's specification in backend memory.
//
// Flat copies of core::TallySpec and core::ParentSpec, as GuardTerms is of core::GuardSpec: palloc'ed whole in one
// memory context.
#pragma once

#include "pg/pg.h"

#include "core/tally_spec.h"

namespace ratchet {

struct CounterTerm {
  const char *column;
  bool sum;                // of the expression; otherwise the number of rows for which it is true
  const char *expression;  // deparsed, every name qualified that is not in pg_catalog
};

struct CompletionTerm {
  const char *total;  // nullptr: by a condition, or there is no completion
  const char *total_of;
  const char *when;     // nullptr: of a total; deparsed, every name qualified that is not in pg_catalog
  const char *done;     // nullptr: none
  const char *done_at;  // nullptr: none
  const char *on_done;  // nullptr: none; signature
  bool latch;
  bool notify;
  const char *time_zone;  // of a done_at without one; nullptr: the session's
};

// How far a counter may go.
struct BoundTerm {
  const char *column;  // nullptr: none, or a number
  const char *number;  // nullptr: none, or a column
  bool given() const { return column != nullptr || number != nullptr; }
};

struct LimitTerm {
  const char *counter;
  BoundTerm max;
  BoundTerm min;
};

// The child's part of a tally.
struct ChildTerms {
  const char **via;
  int nvia;
  CounterTerm *counters;
  int ncounters;
  const char **arguments;  // canonical trigger arguments
  int narguments;
};

// The parent's part, of all of its tallies.
struct ParentTerms {
  const char **key;
  int nkey;
  const char **counters;
  int ncounters;
  CompletionTerm *completions;
  int ncompletions;
  LimitTerm *limits;
  int nlimits;
  bool spills;           // contention 'spill'
  const char **guarded;  // every column that only tallies write
  int nguarded;
  const char **arguments;  // canonical trigger arguments
  int narguments;
};

// What one call of ratchet.tally() asks for.
struct TallyRequest {
  const char **via;
  int nvia;
  CounterTerm *counters;
  int ncounters;
  CompletionTerm completion;    // of its total
  CompletionTerm *completions;  // by conditions
  int ncompletions;
  LimitTerm *limits;
  int nlimits;
  core::Contention contention;  // of the parent; unsaid: as it is
};

// Read the arguments of a relation's trigger. Errors: 42R01.
ChildTerms *parse_child_trigger(Relation relation, const Trigger *trigger);
ParentTerms *parse_parent_trigger(Relation relation, const Trigger *trigger);

// The same of arguments alone. Errors: 42R01.
ChildTerms *parse_child_arguments(const char *const *arguments, int narguments);
ParentTerms *parse_parent_arguments(const char *const *arguments, int narguments);

// Checks what a caller asks for and fills in each total_of. Errors: 22023.
void check_request(TallyRequest *request);

// The child's part of a request.
ChildTerms *make_child_terms(const TallyRequest &request);

// The parent's part with a request in it. before: as it is now, nullptr: not there yet; key: the referenced columns.
ParentTerms *kept_with(const ParentTerms *before, const char *const *key, int nkey, const TallyRequest &request);

// The parent's part without a tally; nullptr: nothing is left.
ParentTerms *kept_without(const ParentTerms *before, const ChildTerms *source);

// The parent's part without the counters of another one; nullptr: nothing is left.
ParentTerms *kept_less(const ParentTerms *kept, const ParentTerms *less);

// What a request would remove from a tally or change about it, as one sentence fragment; nullptr: nothing.
const char *weakened(const ChildTerms *source, const ParentTerms *kept, const TallyRequest &request);

// The completion of a total that a tally has at its parent; its total is nullptr when it has none.
CompletionTerm completion_of(const ChildTerms *source, const ParentTerms *kept);

// Whether a completion, or a limit, of a parent is of this tally.
bool is_of(const CompletionTerm &completion, const ChildTerms *source);
bool is_of(const LimitTerm &limit, const ChildTerms *source);

// After a rename of a column; nullptr when nothing changes.
ChildTerms *child_renamed(const ChildTerms *source, const char *from, const char *to);
ChildTerms *parent_renamed(const ChildTerms *source, const char *from, const char *to);
ParentTerms *parent_renamed(const ParentTerms *kept, const char *from, const char *to);

// The same with other texts for its expressions, in the order of its counters.
ChildTerms *with_expressions(const ChildTerms *source, const char *const *expressions);

// The same with other texts for the conditions, in the order of the completions, of which those of a total have none.
ParentTerms *with_conditions(const ParentTerms *kept, const char *const *conditions);

}  // namespace ratchet
