// verb/batch_rows.h: the records of a batch, and what they are as rows in SQL.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/jsonb.h"
}

#include "tally/tally.h"

namespace ratchet {

// A unique index whose columns are all given.
struct Key {
  const char *name;
  bool nulls_equal;  // NULLS NOT DISTINCT
  int count;
  AttrNumber *attnums;
};

struct Batch {
  Relation child;
  Tally *tally;
  Jsonb *records;
  Datum rows;  // what they are in the table, an array of its row type; NULL where a record names no value
  int count;
  Bitmapset *columns;   // attribute numbers that any record names
  Bitmapset *optional;  // those that some record lacks
  List *keys;           // Key *
  const Key *only;  // the only one that a record can repeat; nullptr: there are several, or none that could be named
};

// The rows. Errors: 22xxx and a domain's, which name record and column. Runs no statement, and so comes before anything
// is changed.
Datum read_records(const Batch &batch);

// (SELECT r.c1, ..., r.o FROM <records>), with defaults for what a record lacks; c1 is the first attribute, o the place
// of the record. $1: the rows; $2: the records, which say what is lacking.
void write_rows(StringInfo sql, const Batch &batch);

}  // namespace ratchet
