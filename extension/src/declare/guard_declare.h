// declare/guard_declare.h: writing contracts as triggers.
#pragma once

#include "pg/pg.h"

#include "contract/ddl_support.h"
#include "contract/guard_terms.h"

namespace ratchet {

// Creates or replaces the triggers of a contract. The caller has checked
// everything, holds SHARE ROW EXCLUSIVE or more on the relation, and has closed it.
void write_contract(Oid relid, const GuardTerms *terms, Switches switches);

}  // namespace ratchet
