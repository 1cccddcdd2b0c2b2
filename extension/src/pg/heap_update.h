// pg/heap_update.h: storing a new version of a row as ExecUpdate() does, for tables without what the executor is for.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "access/tableam.h"
}

namespace ratchet {

// Whether the relation is a plain heap table without rules, partitions, check
// constraints and generated columns.
bool is_plain_heap(Relation relation);

// A column that has this type, is NOT NULL or not, and not generated; InvalidAttrNumber: there is none.
AttrNumber column_with(Relation relation, const char *name, Oid type, bool not_null);

// Whether this transaction has inserted the version: then a foreign key's
// pending check looks at the version that it was queued for.
bool is_inserted_by_us(TupleTableSlot *slot);

// As heap_modify_tuple_by_cols(). Where values of fixed width take the place of others it copies the row and writes
// over them, which costs a quarter of taking all columns apart.
HeapTuple modified(Relation relation, HeapTuple row, int count, int *attnums, Datum *values, bool *nulls);

// Stores a new row and its index entries, and nothing else of what an INSERT does: no trigger, default or constraint.
void insert_row(Relation relation, HeapTuple row);

// Stores `row` in place of the version that was found, and its index entries unless the update was HOT. Waits for a
// writer that has the row. TM_Ok, TM_Updated or TM_Deleted; anything else is an error.
TM_Result store_version(Relation relation, TupleTableSlot *found, HeapTuple row);

}  // namespace ratchet
