// declare/existing_rows.h: rows that break a contract already when it is declared.
#pragma once

#include "pg/pg.h"

#include "contract/guard_terms.h"
#include "contract/tally_terms.h"

namespace ratchet {

// Tells of rows whose state is in no graph, that are open although their
// closing has left something, or whose heartbeat lies in the future: a NOTICE
// (01R02) for each of these with their number and first keys, or, with refuse, an
// error. Reads the table once for each that the contract could find, as its owner and
// without policies. Locks: ACCESS SHARE. Errors: 23514.
void report_rows(Oid relid, const GuardTerms *terms, bool refuse);

// The same of rows whose counters are beyond the limits of a tally, as a NOTICE: they may only come back.
void report_limits(Oid relid, const ParentTerms *kept, const ChildTerms *source);

}  // namespace ratchet
