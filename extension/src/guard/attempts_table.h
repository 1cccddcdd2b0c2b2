// guard/attempts_table.h: which table has the attempts at a guarded table's rows.
//
// It is a companion (contract/companion.h), and stays with its rows when the contract is removed, or declared without
// audit: what was attempted does not become undone. Its triggers keep it as it is, until its owner drops it.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// Of a guarded table, or for a partition that of the topmost one; InvalidOid: there is none.
Oid find_attempts_table(Oid relid);

// The guarded table that such a table names; InvalidOid: it is none, or that is gone.
Oid find_parent_of_attempts(Relation table);

// Whether the contract of a table has its attempts stored. The table is not opened.
bool has_audit(Oid relid);

// What keeps attempts at the rows of a table from being stored in such a table; nullptr: nothing does.
const char *find_attempts_fault_of(Oid relid, Relation table);

}  // namespace ratchet
