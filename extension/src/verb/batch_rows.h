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
  int count;
  Bitmapset *columns;   // attribute numbers that any record names
  Bitmapset *optional;  // those that some record lacks
  List *keys;           // Key *
  const Key *only;  // the only one that a record can repeat; nullptr: there are several, or none that could be named
};

// (SELECT r.c1, ..., r.o FROM <records>), with defaults for what a record lacks; c1 is the first attribute, o the place
// of the record. $1: the records.
void write_rows(StringInfo sql, const Batch &batch);

}  // namespace ratchet
