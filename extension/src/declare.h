// declare.h: writing contracts as triggers.
#pragma once

#include "pg/pg.h"

#include "terms.h"

namespace ratchet {

// What becomes of contract triggers that are disabled, or enabled for replica
// sessions only. Those that are ENABLE ALWAYS stay so in any case.
enum class Switches : unsigned char { enable, keep };

// Creates or replaces the triggers of a contract. The caller has checked
// everything, holds SHARE ROW EXCLUSIVE or more on the relation, and has closed it.
void write_contract(Oid relid, const Terms *terms, Switches switches);

}  // namespace ratchet
