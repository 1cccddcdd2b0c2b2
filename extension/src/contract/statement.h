// contract/statement.h: the verbs' SQL statements: built once, planned once, run by
// the executor directly.
//
// A statement is found again by its signature (which columns it sets, tests
// and returns), so that neither SQL text nor a plan is made for a call that
// has the shape of an earlier one. Plans are generic and saved; PostgreSQL's
// plan cache revalidates them.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "executor/spi.h"
}

#include "contract/permission.h"
#include "contract/trigger_cache.h"
#include "contract/values.h"

namespace ratchet {

// Parameters of one run, in the order in which the statement numbers them.
struct Parameters {
  int count;
  int capacity;
  Oid *types;
  Datum *values;
  bool *nulls;
};

void add_parameter(Parameters *parameters, Oid type, Datum value, bool isnull);
void add_parameters(Parameters *parameters, const Fields &fields);

// The first word of a signature: which template a statement was made from.
enum class StatementKind : int16 {
  submit,
  update,
  amend,
  advance,
  beat,
  probe,
  locked_probe,
  record,
  stored_record,
  flush,
  exists,
  climb,
  progress,
  recount,
  recount_row,
  lock_row,
  lock_unless_busy,
  differs,
  batch,
  batch_alone,
  duplicates
};

// What tells one statement of a contract from another.
struct Signature {
  int length;
  int capacity;
  int16 *words;
};

void sign(Signature *signature, int16 word);
inline void sign(Signature *signature, StatementKind kind) { sign(signature, static_cast<int16>(kind)); }
void sign(Signature *signature, Oid oid);
void sign(Signature *signature, const Fields &fields);

struct Statement {
  Signature signature;
  SPIPlanPtr plan;
  Oid child;   // a table that it names beside the contract's; InvalidOid: none
  bool valid;  // cleared by invalidation of the child; read only when the statement is looked up
};

// The first row that a run returned, copied to the caller's memory.
struct Row {
  uint64 processed;  // rows that the statement wrote or returned
  bool found;        // it returned a row
  int count;
  Datum *values;
  bool *nulls;
};

// Appends to a statement's text; every parameter takes the next number.
struct SqlWriter {
  StringInfoData sql;
  int parameters;
};

void init_writer(SqlWriter *writer);

// When the transaction has ended, and contracts have given up their statements.
void free_retired_plans();

// Gives up the plans of statements (Statement *). They are freed when the
// transaction has ended, because a run further up the stack may use one.
void retire_statements(List *statements);

// Marks the statements that name a relation; InvalidOid: any.
void forget_statements(const List *statements, Oid relation);

// The statement with this signature; nullptr: it must be prepared.
Statement *find_statement(Cached *owner, const Signature &signature);

// Prepares and remembers a statement. child: as in Statement.
Statement *prepare_statement(Cached *owner, const Signature &signature, const char *sql, const Parameters &parameters,
                             Oid child = InvalidOid);

// Runs a statement with the caller's rights, and with `permission` if there is
// one. relation: the table that the statement must be about; names may have
// come to mean another one; InvalidOid: it is about none. snapshot: nullptr for the transaction's (under READ
// COMMITTED a new one). Errors: 40001 when the names mean another table now.
Row run_statement(const Statement *statement, const Parameters &parameters, Oid relation, Permission *permission,
                  Snapshot snapshot = nullptr);

}  // namespace ratchet
