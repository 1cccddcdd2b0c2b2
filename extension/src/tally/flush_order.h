// tally/flush_order.h: in which order a flush writes tables and rows.
//
// Every flush locks the rows that it writes in one order, the same for all
// transactions, so that no two of them wait for each other:
//
//   tables     those that are counted for others before the others: by how many
//              tables are above them, the highest number first, then by OID
//   circles    tables that count for one another in a circle, and a table that
//              counts for itself, have no such order; their rows have: a row comes before
//              the rows that it is counted for, by how many rows are above it
//   rows       of one table and one depth: by the order of their key
//
// Owns, in memory of its own, what it has found out of tables: it holds as long
// as cache_generation() stays.
#pragma once

#include "pg/pg.h"

#include "tally/pending.h"

namespace ratchet {

struct TableRank {
  int height;  // how many tables are counted above this one, along the longest way, a circle being one step
  Oid circle;  // the smallest OID of the tables that count for one another in a circle, for a table that counts for
               // itself its own; InvalidOid: it is in none
};

// Errors: 54001 when tables are counted above one another in too long a chain.
TableRank find_table_rank(Oid relid);

// How many rows are above the rows of one circle. In the memory context in which it was made.
struct RowDepths;
RowDepths *make_row_depths(Oid circle);

// How many rows of the circle the row's count can reach, along the longest way: 0 when nothing that is written to it is
// counted further. Where rows refer to each other in a circle that way ends where it would begin again.
int find_row_depth(RowDepths *depths, Counters *counters, const Datum *key);

}  // namespace ratchet
