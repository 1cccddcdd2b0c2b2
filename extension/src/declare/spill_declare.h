// declare/spill_declare.h: making, changing and removing a parent's table of spilled counts (tally/spill_table.h).
#pragma once

#include "pg/pg.h"

#include "contract/tally_terms.h"

namespace ratchet {

// Whether the parent has, or lacks, such a table as these terms say.
bool is_spill_settled(Oid parent, const ParentTerms *kept);

// Before the parent's triggers are written. What lies spilled for counters that go, or for all where counts shall not
// spill any more, is added to the rows; the table is made, and gets columns for counters that come. before: nullptr
// where there was no contract; after: nullptr where none is left. The caller has locks that keep writers of the parent
// out. Waits for who has locked rows. Errors: 25001 where something has to be folded above READ COMMITTED.
void prepare_spill_table(Oid parent, const ParentTerms *before, const ParentTerms *after);

// When they are written: removes columns, and the table, that nothing needs any more. Errors: 42R01 where the table is
// not fit for the contract.
void finish_spill_table(Oid parent, const ParentTerms *after);

// That the table, and the view over it, go with the parent: a dump does not carry it.
void depend_on_parent(Relation spilled);
void write_spill_dependency(Oid parent);
bool lacks_spill_dependency(Oid parent);

// The parent was given to another owner, who gets both; what Citus distributes is for Citus to follow. Locks: ACCESS
// EXCLUSIVE on both.
void follow_owner_of_spilled(Oid parent);

// A column of the parent was renamed: the table's is too, and the view's. Locks: ACCESS EXCLUSIVE on both.
void rename_spilled_column(Oid parent, const char *from, const char *to);

}  // namespace ratchet
