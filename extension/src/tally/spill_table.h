// tally/spill_table.h: where the counts of a parent lie that no flush could add to its row.
//
// A companion of the parent (contract/companion.h), made by ratchet.tally(contention => 'spill'): the columns of the
// key, a column for each counter, and the transaction that has written the row. Anybody who may can join it.
//
//   CREATE TABLE runs_spilled (id bigint NOT NULL, evaluated_count bigint NOT NULL, ..., ratchet_xid xid8 NOT NULL)
//   CREATE INDEX ON runs_spilled (id, ratchet_xid)
//   CREATE CONSTRAINT TRIGGER "~ratchet_spilled" AFTER INSERT OR UPDATE OR DELETE ON runs_spilled FROM runs ...
//
// Where Citus distributes the parent, the table is distributed with it, by the same column. The triggers of its shards
// name the parent as every node knows it, and which shard belongs to which the ranges of their values say.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/relcache.h"
}

namespace ratchet {

inline constexpr const char *writer_column_name = "ratchet_xid";

struct Counters;

struct SpillTable {
  Oid relation;
  Oid index;             // over the key and the writer
  bool has_others;       // indexes, in which a row gets entries too
  AttrNumber *key;       // in the order of the parent's key
  AttrNumber *counters;  // in the order of the parent's counters
  AttrNumber writer;
};

// The table that belongs to a parent; InvalidOid: it has none.
Oid find_spill_table(Oid parent);

// The parent of such a table; InvalidOid: it is none.
Oid find_parent_of_spilled(Relation relation);

// The parents whose counts spill, as far as their tables' owner is this role; InvalidOid: any. A list of OIDs.
List *spilling_parents(Oid owner);

// The type of the column for a counter of this type.
Oid spilled_type(Oid counter);

//   (SELECT s."id" AS k1, ..., pg_catalog.sum(s."evaluated_count")::pg_catalog.int8 AS s1, ... FROM schema.runs_spilled
//   s
//    [WHERE s."id" OPERATOR(pg_catalog.=) $1 AND ...] GROUP BY s."id", ...)
// of these columns of the key and these counters, in their order; one_row: of the row whose key the parameters are.
void write_spilled_sums(StringInfo sql, const Counters *counters, const char *const *key, int nkey,
                        const char *const *names, int count, bool one_row);

// Resolves such a table (InvalidOid: there is none) for the counters of its parent, in the current memory context.
// nullptr: there is none, or it is not as ratchet has made it, which fault says.
const SpillTable *resolve_spill_table(const Counters *counters, Oid table, const char **fault);

// 42R01: the parent has such a table, and it cannot be used.
[[noreturn]] void error_spill_table(const Counters *counters);

inline constexpr const char *spill_table_hint =
    "Undo what was changed about the table; or drop it, declare the tally again, and CALL ratchet.repair().";

}  // namespace ratchet
