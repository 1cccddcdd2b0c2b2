// recount.h: counters against their children, counted anew.
//
// Every recount is one statement with one snapshot. It runs as the owner of
// the tables with row_security off, so that a policy which would hide rows is
// an error and never a smaller count.
#pragma once

#include "pg/pg.h"

#include "tally.h"

namespace ratchet {

// Sets all counters of a tally to what is there. The caller holds locks that
// keep writers of the child out, and has a snapshot of after that.
void backfill(Oid child, Oid parent, const SourceTerms *source);

// Sets all counters of a tally to zero: its child has been truncated. Errors: 40001.
void set_zero(Oid child, Oid parent, const SourceTerms *source);

// Takes all rows of a partition out of what is counted: it is about to be truncated. The caller flushes.
void take_leaf(Relation leaf, const Trigger *trigger);

void init_truncate();

}  // namespace ratchet
