// declare/ddl_check.h: whether a contract can still be enforced after a DDL command.
//
// Nothing here runs a user's code. Tables are opened only where the command has locked them.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "catalog/objectaddress.h"
}

namespace ratchet {

// A table that the command has touched, its partitions and its inheritance parents. thorough: its columns may have
// other types now, or its contract be another; otherwise what others have done to the types is not this command's
// fault. Errors: 42R01, 42939.
void check_table(Oid relation, bool thorough);

// The contracts that depend on an object which the command has touched, as far as the caller has the rights of their
// owners. Errors: 42R01.
void check_dependents(const ObjectAddress &object);

// A column that was dropped from a table. Errors: 42R01 where a contract names it and the caller has its owner's
// rights.
void check_dropped_column(Oid relation, const char *column);

// A column that has got another type. Errors: 42R01 where a tally counts by it and the caller has its owner's rights.
void check_retyped_column(Oid relation, const char *column);

// The foreign keys of a table's tallies, after one was dropped. Errors: 42R01, as there.
void check_references(Oid relation);

// After types of a table's columns were set: tells of a gate that is read and written in the session's TimeZone now, as
// its declaration would. The command has locked the table.
void notice_times(Oid relid);

}  // namespace ratchet
