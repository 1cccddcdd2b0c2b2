// contract/distributed.h: tables that Citus distributes.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/plannodes.h"
}

namespace ratchet {

// A table that Citus distributes is a shell: its rows and the triggers that guard them are on its shards, and
// what a verb does to a row by the shell's name cannot be held together by one executor run. Errors: 42R01; not 40001,
// which would be repeated for ever.
void check_not_distributed(Oid relid);

// The same of a statement that an extension has planned in its own way.
void check_planned_here(const PlannedStmt *planned, Oid relid);

}  // namespace ratchet
