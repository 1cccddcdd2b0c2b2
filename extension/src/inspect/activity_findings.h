// inspect/activity_findings.h: what health() says of the memory that contracts share.
#pragma once

#include "pg/pg.h"

#include "contract/guard_terms.h"
#include "contract/structure.h"

namespace ratchet {

// Finding *. Of the guard of a topmost table: whether its rate_limit is kept.
List *limit_findings(Relation root, const GuardTerms *terms);

// Whether its contracts have found room.
List *room_findings(Relation root);

}  // namespace ratchet
