// declare.h: writing contracts as triggers.
#pragma once

#include "pg/pg.h"

#include "terms.h"

namespace ratchet {

// Creates or replaces the triggers of a contract. The caller has checked
// everything and holds SHARE ROW EXCLUSIVE or more on the relation.
void write_contract(Relation relation, const Terms *terms);

}  // namespace ratchet
