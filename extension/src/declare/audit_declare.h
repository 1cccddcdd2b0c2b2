// declare/audit_declare.h: making, and following, a guarded table's table of attempts (guard/attempts_table.h).
#pragma once

#include "pg/pg.h"

namespace ratchet {

// For a contract with audit => true. Errors: 42R01 where Citus distributes the table.
void check_auditable(Oid relid);

// Whether such a contract's table of attempts is there, fit, and kept from being written by others.
bool is_audit_settled(Oid relid);

// Makes it, or takes up one that an earlier contract has left. The caller has locked the guarded table against others
// who declare. Errors: 42R01 where the table that is there is not fit.
void settle_attempts_table(Oid relid);

// A table of attempts was tied to its table, which sessions that know the contract must hear of.
void announce_attempts_table(Relation table);

// After DDL on a table of attempts, as far as the contract needs it. Errors: 42R01.
void check_attempts_table(Relation table);

// The guarded table was dropped, and that of its attempts was not.
void notice_left_attempts(Oid table);

// After a guarded table's table of attempts was dropped. Errors: 42R01 where its contract needs one, and the caller may
// alter that.
void check_dropped_attempts(Oid relid);

}  // namespace ratchet
