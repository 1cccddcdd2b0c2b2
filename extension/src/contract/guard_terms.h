// contract/guard_terms.h: a contract's specification in backend memory.
//
// core::GuardSpec owns std strings and must not live across PostgreSQL calls; GuardTerms
// is its flat copy, palloc'ed whole in one memory context.
#pragma once

#include "pg/pg.h"

#include "core/guard_spec.h"

namespace ratchet {

// The states of one column.
struct GraphTerms {
  const char *column;
  const char **states;
  int nstates;
  bool *leads;  // [from * nstates + to]

  bool leads_to(int from, int to) const { return leads[from * nstates + to]; }
  bool is_terminal(int state) const {
    for (int to = 0; to < nstates; ++to)
      if (leads_to(state, to)) return false;
    return true;
  }
};

struct GuardTerms {
  const char *gate;             // nullptr: none
  const char *gate_at;          // nullptr: none
  const char *actor;            // nullptr: none
  const char *idempotency_key;  // nullptr: none
  const char *heartbeat;        // nullptr: none
  const char *fence;            // nullptr: none
  const char *version;          // nullptr: none
  const char **ignored;         // columns whose changes are no new version
  int nignored;
  const char *time_zone;   // of columns without one; nullptr: the session's
  const char **guarded;    // every guarded column, the gate first if there is one; frozen ones perhaps twice
  core::Policy *policies;  // of each of them
  int nguarded;
  GraphTerms *graphs;
  int ngraphs;
  int alive_graph;  // the place in graphs of the column that says whether a row is alive; -1: none
  bool *alive;      // of each of its states; valid only if alive_graph
  core::GateBy gate_by;
  core::Modes modes;
  bool insert_reject;
  bool delete_reject;
  bool audit;
  core::RateLimit rate_limit;
  const char *rate_text;   // the same as text; nullptr: none
  const char **arguments;  // canonical trigger arguments
  int narguments;
};

// The SQL arguments of ratchet.guard() that make up a contract; nullptr: not given.
struct GuardRequest {
  const char *gate;
  const char *gate_at;
  const char *gate_by;
  const char *actor;
  const char *idempotency_key;
  const char *heartbeat;
  const char *fence;
  const char *version;
  const char *time_zone;
  const char **owned;
  int nowned;
  const char **once;
  int nonce;
  const char **frozen;
  int nfrozen;
  const char **forward;
  int nforward;
  const char **ignored;
  int nignored;
  const char **alive;
  int nalive;
  const char **states;  // as trigger arguments: state=..., from=..., to=...
  int nstates;
  const char *mode;
  const char *insert;
  const char *removal;
  const char *rate_limit;
  bool audit;
};

// Reads the arguments of a relation's contract trigger. Errors: 42R01.
GuardTerms *parse_guard_trigger(MemoryContext context, Relation relation, const Trigger *trigger);

// The same of arguments alone. Errors: 42R01.
GuardTerms *parse_guard_arguments(MemoryContext context, const char *const *arguments, int narguments);

// Reads what a caller asks for. Errors: 22023.
GuardTerms *check_guard_request(MemoryContext context, const GuardRequest &request);

// What `after` would remove or weaken, as one sentence fragment; nullptr: nothing.
const char *weakened(MemoryContext context, const GuardTerms *before, const GuardTerms *after);

bool same_terms(const GuardTerms *a, const GuardTerms *b);

// The contract after a column rename; nullptr when the column plays no role.
GuardTerms *renamed(MemoryContext context, const GuardTerms *terms, const char *from, const char *to);

}  // namespace ratchet
