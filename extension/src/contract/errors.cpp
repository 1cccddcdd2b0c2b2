#include "contract/errors.h"

extern "C" {
#include "utils/varlena.h"
}

#include <algorithm>

namespace ratchet {

// The column whose name is most like this one, if any is like enough for a slip of the hand; nullptr: none.
static const char *nearest_column(Relation relation, const char *name) {
  const auto length = static_cast<int>(strlen(name));
  if (length == 0 || length >= NAMEDATALEN) return nullptr;
  // As many changes as it has letters would make anything of it.
  int best = std::min(std::max(1, length / 3) + 1, length);
  const char *nearest = nullptr;
  const TupleDesc tupdesc = RelationGetDescr(relation);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (attribute->attisdropped) continue;
    const char *column = NameStr(attribute->attname);
    const int distance =
        varstr_levenshtein_less_equal(name, length, column, static_cast<int>(strlen(column)), 1, 1, 1, best - 1, true);
    if (distance >= best) continue;
    best = distance;
    nearest = column;
  }
  return nearest;
}

// A contract that DDL or a dropped event trigger left behind.
static int hint_stale(int sqlstate) {
  return sqlstate == sqlstate_unenforceable
             ? errhint(
                   "The column is part of a contract of the table: change the contract first, with "
                   "ratchet.guard() or ratchet.tally() and replace => true, or remove it.")
             : 0;
}

void error_guarded_column(Relation relation, const char *column, const char *detail) {
  ereport(ERROR, errcode(sqlstate_guarded_column),
          errmsg("column \"%s\" of relation \"%s\" is guarded", column, RelationGetRelationName(relation)),
          errdetail_internal("%s", detail), errtablecolname(relation, column));
  pg_unreachable();
}

void error_transition(Relation relation, const char *column, const char *detail) {
  ereport(ERROR, errcode(sqlstate_transition),
          errmsg("transition of column \"%s\" of relation \"%s\" is not allowed", column,
                 RelationGetRelationName(relation)),
          errdetail_internal("%s", detail), errhint("ratchet.describe() lists the transitions."),
          errtablecolname(relation, column));
  pg_unreachable();
}

void error_backward(Relation relation, const char *column) {
  ereport(ERROR, errcode(sqlstate_backward),
          errmsg("column \"%s\" of relation \"%s\" would go backward", column, RelationGetRelationName(relation)),
          errdetail("The column never goes down and cannot be set to NULL."), errtablecolname(relation, column));
  pg_unreachable();
}

void error_stale_version(Relation relation, const char *column) {
  ereport(ERROR, errcode(sqlstate_stale),
          errmsg("row of relation \"%s\" was changed since it was read", RelationGetRelationName(relation)),
          errdetail("Column \"%s\" is not what the write expects.", column),
          errhint("Read the row again and repeat the change."), errtablecolname(relation, column));
  pg_unreachable();
}

void error_stale_fence(Relation relation, const char *column) {
  ereport(ERROR, errcode(sqlstate_stale),
          errmsg("write to relation \"%s\" is out of date", RelationGetRelationName(relation)),
          errdetail("It brings a smaller value of column \"%s\" than the row has, or NULL.", column),
          errhint("Somebody else has taken the row over, or a later event was written first: give the write up."),
          errtablecolname(relation, column));
  pg_unreachable();
}

void error_born_closed(Relation relation, const char *column, bool state) {
  ereport(ERROR, errcode(sqlstate_guarded_column),
          errmsg("new row of relation \"%s\" must be open: column \"%s\" is guarded", RelationGetRelationName(relation),
                 column),
          state ? errdetail("Its state is terminal, or none of the contract's.")
                : errdetail("The contract refuses inserted rows whose guarded columns are not at their defaults."),
          errtablecolname(relation, column));
  pg_unreachable();
}

static int hint_suspend() {
  return errhint("The owner of the table can lift that for one transaction, with ratchet.suspend().");
}

void error_closed_stays(Relation relation, const char *column, bool state) {
  ereport(ERROR, errcode(sqlstate_guarded_column),
          errmsg("cannot delete a row of relation \"%s\": column \"%s\" is guarded", RelationGetRelationName(relation),
                 column),
          state ? errdetail("The row is in a terminal state, and the contract refuses that it goes.")
                : errdetail("The row is submitted, and the contract refuses that it goes."),
          hint_suspend(), errtablecolname(relation, column));
  pg_unreachable();
}

void error_truncated(Relation relation) {
  ereport(ERROR, errcode(sqlstate_guarded_column),
          errmsg("cannot truncate relation \"%s\"", RelationGetRelationName(relation)),
          errdetail("The contract refuses that rows go which are submitted or in a terminal state."), hint_suspend(),
          errtable(relation));
  pg_unreachable();
}

void error_counted_key(Relation relation, const char *column) {
  ereport(ERROR, errcode(sqlstate_guarded_column),
          errmsg("cannot change key column \"%s\" of relation \"%s\", which a tally references", column,
                 RelationGetRelationName(relation)),
          errhint("Insert a row with the new key, move the rows that refer to the old one, and delete it."),
          errtablecolname(relation, column));
  pg_unreachable();
}

void error_unenforceable(Relation relation, const char *finding, const char *remedy) {
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("contract of relation \"%s\" cannot be enforced", RelationGetRelationName(relation)),
          errdetail_internal("%s", finding), errhint("%s", remedy), errtable(relation));
  pg_unreachable();
}

// errtable() of a table that is not open.
static int errtable_of(Oid relation) {
  err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(get_rel_namespace(relation)));
  err_generic_string(PG_DIAG_TABLE_NAME, get_rel_name(relation));
  return 0;
}

void error_limit(Oid relation, const char *counter, bool below, const char *bound, const char *constraint) {
  ereport(ERROR, errcode(sqlstate_limit),
          below
              ? errmsg("counter \"%s\" of relation \"%s\" would fall below its limit", counter, get_rel_name(relation))
              : errmsg("counter \"%s\" of relation \"%s\" would exceed its limit", counter, get_rel_name(relation)),
          bound != nullptr ? errdetail("Its limit is column \"%s\".", bound)
                           : errdetail("Its limit was declared with the tally."),
          errtable_of(relation), err_generic_string(PG_DIAG_COLUMN_NAME, counter),
          err_generic_string(PG_DIAG_CONSTRAINT_NAME, constraint));
  pg_unreachable();
}

void error_broken(Oid relation, const char *finding, const char *remedy) {
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("contract of relation \"%s\" cannot be enforced", get_rel_name(relation)),
          errdetail_internal("%s", finding), errhint("%s", remedy), errtable_of(relation));
  pg_unreachable();
}

void error_column_of_contract(Oid relation, const char *column, const char *part) {
  ereport(
      ERROR, errcode(sqlstate_unenforceable),
      errmsg("column \"%s\" of relation \"%s\" belongs to its contract, as %s", column, get_rel_name(relation), part),
      hint_stale(sqlstate_unenforceable), errtable_of(relation), err_generic_string(PG_DIAG_COLUMN_NAME, column));
  pg_unreachable();
}

void error_no_contract(Relation relation) {
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("relation \"%s\" has no guard contract", RelationGetRelationName(relation)),
          errhint("Declare one with ratchet.guard()."), errtable(relation));
  pg_unreachable();
}

void error_disabled(Relation relation) {
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("guard contract of relation \"%s\" is disabled", RelationGetRelationName(relation)),
          SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA
              ? errhint("session_replication_role is replica in this session.")
              : errhint("Enable it with ALTER TABLE ... ENABLE TRIGGER \"~ratchet_guard\"."),
          errtable(relation));
  pg_unreachable();
}

void error_suppressed(Relation relation) {
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("row of relation \"%s\" was found but its update was suppressed", RelationGetRelationName(relation)),
          errdetail("A BEFORE trigger, a rule or a row-level security policy removed the row from the update."),
          errhint("SELECT * FROM ratchet.health() lists what defeats a contract."), errtable(relation));
  pg_unreachable();
}

void error_record_suppressed(Relation child) {
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("record was not stored in \"%s\"", RelationGetRelationName(child)),
          errdetail("A BEFORE trigger or a rule of the table suppressed the insert."), errtable(child));
  pg_unreachable();
}

void error_reopened(Relation relation) {
  ereport(
      ERROR, errcode(sqlstate_unenforceable),
      errmsg("a trigger of relation \"%s\" reopened the gate during its submission", RelationGetRelationName(relation)),
      errhint("Let the trigger leave the gate column alone."), errtable(relation));
  pg_unreachable();
}

void error_no_column(int sqlstate, Relation relation, const char *column) {
  const char *nearest = sqlstate == sqlstate_unenforceable ? nullptr : nearest_column(relation, column);
  ereport(ERROR, errcode(sqlstate),
          errmsg("column \"%s\" of relation \"%s\" does not exist", column, RelationGetRelationName(relation)),
          nearest != nullptr ? errhint("Perhaps you meant column \"%s\".", nearest) : hint_stale(sqlstate),
          errtablecolname(relation, column));
  pg_unreachable();
}

void error_column_unfit(int sqlstate, Relation relation, const char *column, const char *message, const char *more) {
  ereport(ERROR, errcode(sqlstate), errmsg(message, column, RelationGetRelationName(relation), more),
          hint_stale(sqlstate), errtablecolname(relation, column));
  pg_unreachable();
}

void error_column_fault(int sqlstate, Relation relation, const char *column, const char *text) {
  ereport(ERROR, errcode(sqlstate), errmsg_internal("%s", text), hint_stale(sqlstate),
          errtablecolname(relation, column));
  pg_unreachable();
}

void error_null_argument(const char *argument) {
  ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s must not be null", argument));
  pg_unreachable();
}

const char *hint_encoded_twice(const Jsonb *value) {
  JsonbValue scalar;
  auto *container = &const_cast<Jsonb *>(value)->root;
  if (!JB_ROOT_IS_SCALAR(value) || !JsonbExtractScalar(container, &scalar) || scalar.type != jbvString) return nullptr;
  return "It is a JSON string: probably it was encoded twice. Encode it once, or pass its text as it is.";
}

void error_not_object(const char *argument, const Jsonb *value, const char *example) {
  const char *encoded_twice = hint_encoded_twice(value);
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be a JSON object", argument),
          encoded_twice != nullptr ? errhint("%s", encoded_twice)
                                   : errhint("Its keys are column names, for example %s.", example));
  pg_unreachable();
}

void error_argument(const char *message, const char *hint) {
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg_internal("%s", message),
          hint != nullptr ? errhint("%s", hint) : 0);
  pg_unreachable();
}

void error_no_such_key(Relation relation) {
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("key does not match a unique key of relation \"%s\"", RelationGetRelationName(relation)),
          errhint("Give the value of a single-column primary key, or a JSON object with exactly the columns of a "
                  "primary key, unique constraint or unique index."),
          errtable(relation));
  pg_unreachable();
}

void error_not_in_contract(Relation relation, const char *argument) {
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("contract of relation \"%s\" has no %s column", RelationGetRelationName(relation), argument),
          errhint("Declare it with ratchet.guard(..., %s => 'column').", argument), errtable(relation));
  pg_unreachable();
}

void error_not_owner(Oid relation, const char *action) {
  const char *name = get_rel_name(relation);
  ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
          errmsg("must be owner of relation \"%s\" to %s", name, action),
          (err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(get_rel_namespace(relation))), 0),
          (err_generic_string(PG_DIAG_TABLE_NAME, name), 0));
  pg_unreachable();
}

void error_earlier_objects() {
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("no contract can be declared before the extension is updated"),
          errdetail("The library is of version %s, the SQL objects of ratchet in this database are of an earlier one.",
                    RATCHET_VERSION),
          errhint("ALTER EXTENSION ratchet UPDATE"));
  pg_unreachable();
}

}  // namespace ratchet
