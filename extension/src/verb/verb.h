// verb/verb.h: SQL that more than one verb writes, and how a verb finds out why
// its statement changed nothing.
#pragma once

#include "pg/pg.h"

#include "activity/wait.h"
#include "contract/statement.h"
#include "tally/tally.h"
#include "verb/target.h"

namespace ratchet {

//   UPDATE schema.table t SET "a" = $1, ... WHERE <key>
void write_update(SqlWriter *writer, const Target &target, const Fields &set);
//   WHERE t."k" OPERATOR(pg_catalog.=) $2 AND ...
void write_key(SqlWriter *writer, const Target &target);
//   AND <test of each expected value>
void write_expect(SqlWriter *writer, const Fields &expect);

// UPDATE ... WHERE <key> AND <expect> RETURNING true, with its parameters bound.
const Statement *change_statement(StatementKind kind, const Target &target, const Fields &set, const Fields &expect,
                                  Parameters *parameters);

// Runs a verb's UPDATE. Errors: 42R01 when the row was written without the guard.
Row run_change(const Statement *statement, const Target &target, const Parameters &parameters, Permission *permission);

// Names of the caller's columns that the guard kept.
List *kept_columns(const Permission &permission);

// What a row looks like to a caller whose statement did not change it.
struct Probe {
  bool found;
  bool closed;
  Datum closed_at;  // of gate_at, or of the gate where that is a time
  bool closed_at_null;
  const char *closed_by;  // nullptr: no actor column, or not set
  Datum actor;            // valid only if closed_by
  Datum idempotency_key;
  bool idempotency_key_null;
  List *stale;  // names of expected columns that differ
};

// What a probe looks at. No more than the verb itself touches: the caller need
// not have the right to read the rest.
enum class Sees : int16 { expectations, closing, closing_and_key };

// Reads the row again, with a new snapshot under READ COMMITTED.
Probe probe(const Target &target, const Fields &expect, Sees sees);

// As probe(), with SELECT ... FOR NO KEY UPDATE, so that nobody changes the row
// before the next statement. Errors: 42R01 when a row can be seen but not
// locked, because a policy keeps it out of updates.
Probe locked_probe(const Target &target, const Fields &expect, Sees sees);

// Finds out what becomes of a row. change(): runs the verb's statement; explain(probe): why it changed nothing. Both
// say whether that is known now. What a look without a lock does not explain may have changed since; under the row's
// lock it is explained, or the statement runs again, which tells a race from a trigger, rule or policy that suppresses
// the update. False: it is suppressed.
template <typename Change, typename Explain>
bool settle(const Target &target, const Fields &expect, Sees sees, Change &&change, Explain &&explain) {
  return change() || explain(probe(target, expect, sees)) || explain(locked_probe(target, expect, sees)) || change();
}

// Whether the row has these values already: an update that a trigger such as
// suppress_redundant_updates_trigger() left out would have changed nothing.
// False when a type has no equality to tell by.
bool has_values(const Target &target, const Fields &fields);

// Arguments of a verb that name columns to set, or values to compare with.
// Errors: class 22.
Fields read_patch(const Target &target, FunctionCallInfo fcinfo, int argument);
Fields read_expect(const Target &target, FunctionCallInfo fcinfo, int argument);
Fields read_expected(const Target &target, Jsonb *object);

// Tells the permission of the columns that the caller sets. Whether a column that he may not read has this value
// already, or was kept, he could otherwise find out by trying.
void set_patched(Permission *permission, const Target &target, const Fields &patch);

// Tells those who watch the contract how a call for one row has ended. actor, idempotency_key: as they were given;
// nullptr: none was.
void report_outcome(const Target &target, const char *outcome, const Field *actor = nullptr,
                    const Field *idempotency_key = nullptr);

// The attribute that tells when the gate closed; InvalidAttrNumber: none.
AttrNumber closing_time(const GuardContract *contract);

// The value of that column as timestamp with time zone.
Datum closing_timestamptz(const Target &target, Datum value);

}  // namespace ratchet
