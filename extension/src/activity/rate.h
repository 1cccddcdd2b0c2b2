// activity/rate.h: how often an actor may call.
//
// Each actor of a contract has a bucket of tokens, as many as he may call at once; a call takes one, and they come back
// evenly over the period. What is stored is when the bucket is full again: each token moves that time on by its share
// of the period, and there is none left where it would be further away than the whole period. So a bucket is one
// number, a full one says nothing and need not be kept, and of calls at the same moment exactly as many as there are
// tokens go through, because one after the other has the bucket's set locked, for the time of a few comparisons.
//
// A token is taken by the call and not by its success: it is neither given back when the call finds the row closed, nor
// when its transaction rolls back. It is repetition that is slowed down, and a client whose every attempt fails repeats
// most of all. Nor does a crash or a restart remember who had called.
//
// There are more places than actors at one time (ratchet.max_actors), in sets of 16, and a full bucket is a free place.
// Where a set has none the bucket that is the first to be full again gives up its place; its actor gets tokens
// back too early, which is counted, and told of by ratchet.health().
#pragma once

#include "pg/pg.h"

#include "activity/memory.h"
#include "core/rate_limit.h"

namespace ratchet {

// Two are one where their values are equal by the type's own equality, in this collation: another spelling of a name
// that the column takes for the same must not have tokens of its own.
struct Actor {
  bool role;  // a database role, not one that the caller names
  Oid type;
  Oid collation;
  Datum value;
};

// Takes a token of the actor; 0: he had one. Otherwise how long it takes until he has, in microseconds, above zero.
int64 take_token(const SharedMemory &memory, Oid relation, const Actor &actor, const core::RateLimit &limit);

// Errors: 42R01, or what is given, where there is no memory for buckets.
const SharedMemory &require_rate_memory(Relation relation, int sqlstate);

}  // namespace ratchet
