// contract/distributed.h: tables that Citus distributes.
//
// Such a table is a shell wherever it is: its rows, and the triggers that guard and count them, are on shards,
// ordinary tables of which each is on one node. What ratchet does by relation works on a shard as on any table. So all
// that has to be known of Citus is here: what is a shell, and which shard of it has a row. It is read from Citus's own
// lists, by their columns' names; where there is no Citus, that the first list is missing is all that is ever asked.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/plannodes.h"
#include "utils/relcache.h"
}

namespace ratchet {

// Whether the database has Citus.
bool has_citus();

// Whether Citus distributes or manages the table.
bool is_distributed(Oid relid);

// For what cannot be done by a shell's name. Errors: 42R01; not 40001, which would be repeated for ever.
void check_not_distributed(Oid relid, const char *hint);

// The hint where it can be done shard by shard.
inline constexpr const char *on_each_shard = "Call it on each of its shards, with run_command_on_shards().";

// The same of a statement that an extension has planned in its own way.
void check_planned_here(const PlannedStmt *planned, Oid relid);

// Errors: 42R01 where every node would count a child into its own copy of the parent, a reference table.
void check_one_parent_copy(Relation child, Oid parent);

// The column of a distributed table whose value says which shard has a row; InvalidAttrNumber: there is one shard.
AttrNumber distribution_column(Oid table);

// What a shard is found for. One that is written must not be moved away until the end of the transaction: what is
// written while Citus copies it would be lost.
enum class ShardUse : unsigned char { read, write };

// The shard that has the rows with this value, as text, of the distribution column; nullptr: there is one shard.
// Errors: 42R01 where it is not on this node and nowhere else; 40001 where it was moved while that was waited for.
Oid require_local_shard(Oid table, const char *value, ShardUse use);

// For a shard that is written by its own name: keeps it here, with the same errors. Of other relations nothing.
void keep_own_shard(Oid relid);

// The shards of a table that are on this node. A list of OIDs.
List *local_shards(Oid table);

// The shard of another table that is kept where this one is, since both are distributed alike; InvalidOid: it is not
// here.
Oid shard_beside(Oid shard, Oid table);

// For who writes a shard without being asked to, and so leaves one alone that is not here, or not yet, or not any more:
// false. true: it stays here until the end of the transaction, or the relation is no shard. Waits for a move to end.
bool try_keep_own_shard(Oid relid);

// The table that a relation is a shard of; InvalidOid: it is none.
Oid table_of_shard(Oid relid);

// Where nothing is pending and tables with such triggers are distributed: their counts are not on this node. One line
// of ratchet.flush(), which else would say nothing.
void notice_flushed_elsewhere();

// What a constraint or an index of the relation is called on the table that it is a shard of; its own name elsewhere.
const char *name_on_table(Relation relation, const char *name);

// Whether this node is the one that distributes tables.
bool is_coordinator();

}  // namespace ratchet
