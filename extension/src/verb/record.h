// verb/record.h: storing a record in a child table together with a submission.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/primnodes.h"
#include "utils/relcache.h"
}

#include "contract/statement.h"
#include "pg/attempt.h"
#include "verb/target.h"
#include "verb/verb.h"

namespace ratchet {

struct Record {
  Relation child;  // nullptr: no record; ROW EXCLUSIVE, kept to the end of the transaction
  const ForeignKeyCacheInfo *reference;
  Fields fields;
};

// The child's only foreign key to the target; one that is there twice is one. Errors: 22023 when there is none, or
// several.
const ForeignKeyCacheInfo *only_reference(Relation child, Relation target);

// Reads the child and record arguments and finds the child's only foreign key
// to the target. Errors: class 22, 42P01, 42501.
Record read_record(const Target &target, FunctionCallInfo fcinfo, int child_argument, int record_argument);
void close_record(const Record &record);

// The columns of the target that the record refers to, each as one more of a RETURNING list:
//   , t."a", t."b"
void write_referenced(SqlWriter *writer, const Target &target, const Record &record);

// Inserts the record with its reference filled in; referenced: the target
// row's values of the foreign key's columns, in their order. Returns the
// stored row as jsonb. Errors: 22004 when the target row has no such key.
Datum store_record(const Target &target, const Record &record, const Datum *referenced, const bool *nulls);

// The row that an earlier call has stored for this target row, if it is the
// only one; found is false otherwise.
Row stored_record(const Target &target, const Record &record);

// The unique or exclusion constraint or the index of the child that an error says was violated,
// by the child's name for it also where a partition raised the error; nullptr:
// it is another error.
const char *find_conflict(Relation child, const ErrorData *error);

// What has undone a change of the target row.
struct Undone {
  const char *conflict;  // the constraint of the child that the record violates; nullptr: none
  bool key_reused;       // another row has the idempotency key
};

// What an error comes to that has undone the change; false: it is no answer. changed: the row had been changed when it
// was raised. idempotency_key: nullptr: none, or none that an index could refuse.
bool explain_undone(const Target &target, const Record &record, const Field *idempotency_key, bool changed,
                    const ErrorData *error, Undone *undone);

// Runs change(), which changes the target row and stores the record, all or nothing: what a record or an idempotency
// key repeats takes the change back. True: it did, and `undone` says why. is_changed(): whether the row has been
// changed.
template <typename Change, typename IsChanged>
bool is_undone(const Target &target, const Record &record, const Field *idempotency_key, Change &&change,
               IsChanged &&is_changed, Undone *undone) {
  if (record.child == nullptr && idempotency_key == nullptr) {
    change();
    return false;
  }
  return undo_if(
      [&](const ErrorData *error) {
        return explain_undone(target, record, idempotency_key, is_changed(), error, undone);
      },
      change);
}

}  // namespace ratchet
