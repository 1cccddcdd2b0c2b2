// terms.h: a contract's specification in backend memory.
//
// core::Spec owns std strings and must not live across PostgreSQL calls; Terms
// is its flat copy, palloc'ed whole in one memory context.
#pragma once

#include "pg/pg.h"

#include "core/spec.h"

namespace ratchet {

struct Terms {
  const char *gate;
  const char *gate_at;          // nullptr: none
  const char *actor;            // nullptr: none
  const char *idempotency_key;  // nullptr: none
  const char **guarded;         // every guarded column, the gate first
  int nguarded;
  core::GateBy gate_by;
  core::Mode mode;
  bool insert_reject;
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
  const char **owned;
  int nowned;
  const char *mode;
  const char *insert;
};

// Reads the arguments of a relation's contract trigger. Errors: 55R01.
Terms *terms_of_trigger(MemoryContext context, Relation relation, const Trigger *trigger);

// Reads what a caller asks for. Errors: 22023.
Terms *terms_of_request(MemoryContext context, const GuardRequest &request);

// What `after` would remove or weaken, as one sentence fragment; nullptr: nothing.
const char *weakened(MemoryContext context, const Terms *before, const Terms *after);

bool same_terms(const Terms *a, const Terms *b);

// The contract after a column rename; nullptr when the column plays no role.
Terms *renamed(MemoryContext context, const Terms *terms, const char *from, const char *to);

}  // namespace ratchet
