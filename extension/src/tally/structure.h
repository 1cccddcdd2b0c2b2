// tally/structure.h: what would defeat the counters of a parent.
#pragma once

#include "pg/pg.h"

#include "contract/structure.h"

namespace ratchet {

// Findings about a relation whose counters are kept, or shall be.
List *counters_findings(Relation relation);

// Raises the first of them as 42R01.
void check_counters_structure(Relation relation);

}  // namespace ratchet
