// record.h: storing a record in a child table together with a submission.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/primnodes.h"
#include "utils/relcache.h"
}

#include "statement.h"
#include "target.h"

namespace ratchet {

struct Record {
  Relation child;  // nullptr: no record; ROW EXCLUSIVE, kept to the end of the transaction
  const ForeignKeyCacheInfo *reference;
  Fields fields;
};

// Reads the child and record arguments and finds the child's only foreign key
// to the target. Errors: class 22, 42P01, 42501.
Record read_record(const Target &target, FunctionCallInfo fcinfo, int child_argument, int record_argument);
void close_record(const Record &record);

// Inserts the record with its reference filled in; referenced: the target
// row's values of the foreign key's columns, in their order. Returns the
// stored row as jsonb. Errors: 22004 when the target row has no such key.
Datum store_record(const Target &target, const Record &record, const Datum *referenced, const bool *nulls);

// The row that an earlier call has stored for this target row, if it is the
// only one; found is false otherwise.
Row stored_record(const Target &target, const Record &record);

// The unique constraint or index of the child that an error says was violated,
// by the child's name for it also where a partition raised the error; nullptr:
// it is another error.
const char *conflict_of(const Record &record, const ErrorData *error);

}  // namespace ratchet
