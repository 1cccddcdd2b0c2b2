// declare/guard_declare.h: writing contracts as triggers.
#pragma once

#include "pg/pg.h"

#include "contract/ddl_support.h"
#include "contract/guard_terms.h"

namespace ratchet {

// Creates or replaces the triggers of a contract. The caller has checked
// everything, holds SHARE ROW EXCLUSIVE or more on the relation, and has closed it.
void write_contract(Oid relid, const GuardTerms *terms, Switches switches);

// Whether, of a table that refuses TRUNCATE, this member has the trigger for it: the topmost one, and what has rows.
bool refuses_truncate(Relation member, Oid root);

// A table has become a partition of a guarded one, or none any more: gives it what is not cloned, or takes it away.
void follow_guarded_partition(Oid relid);

}  // namespace ratchet
