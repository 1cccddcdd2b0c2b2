// verb/sweep.cpp: ratchet.sweep(), which moves rows that nobody works on any more.
//
//   SELECT <primary key>, ... FROM <stuck rows> LIMIT $2 FOR UPDATE OF t SKIP LOCKED
//
// and then, one by one, the moves of what that has locked.
//
// A row that somebody has locked is being worked on, so it is left out and nobody is waited for: also one that a worker
// has only just referred to, by a record of it. That is the strongest lock, so that no move needs a stronger one,
// whatever it changes. Under READ COMMITTED the executor judges a row again that has changed since the snapshot, on its
// newest version and with the lock held: whoever shows a sign of life from then on waits for the sweep, and learns what
// it has done. Between its lock and its move only a trigger of an earlier move can change the row; so each move expects
// what was seen when the row was locked. So a worker and a sweep cannot wait for each other in a circle: for rows of
// this table only the worker waits. Parents that count are written at COMMIT, in the order of the flush.
#include "pg/pg.h"

extern "C" {
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/tuplestore.h"
}

#include "contract/errors.h"
#include "guard/policy.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/primary_key_text.h"
#include "pg/quote.h"
#include "verb/advance.h"
#include "verb/stuck_rows.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

// Arguments of ratchet.sweep(), in their order.
enum Argument {
  target_argument,
  older_than_argument,
  target_state_argument,
  state_argument,
  since_argument,
  patch_argument,
  max_rows_argument
};

struct Sweep {
  Move move;  // its key is that of the row at hand
  StuckRows rows;
  List *key;  // attribute numbers
};

// What is answered.
enum Column { key_column, was_column, state_column, since_column, age_column, column_count };

// What the query tells of a row after the columns of its key: told_columns(), in their order.
enum Place { key_place = 1, was_place, since_place, age_place, expect_place };

List *require_key(Relation relation) {
  List *key = key_attnums(relation);
  if (key == NIL)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("relation \"%s\" has no primary key", RelationGetRelationName(relation)), errtable(relation));
  return key;
}

Sweep read_sweep(FunctionCallInfo fcinfo) {
  Sweep sweep{};
  if (PG_ARGISNULL(older_than_argument)) error_null_argument("older_than");
  if (PG_ARGISNULL(target_state_argument)) error_null_argument("target_state");
  Move *move = &sweep.move;
  move->target.relation = open_target(fcinfo, target_argument);
  Relation relation = move->target.relation;
  require_right(RelationGetRelid(relation), ACL_SELECT);
  move->target.contract = require_contract(relation);
  move->state = text_to_cstring(PG_GETARG_TEXT_PP(target_state_argument));
  move->column = column_with_state(relation, move->target.contract, move->state);
  move->patch = read_patch(move->target, fcinfo, patch_argument);
  check_move(*move);
  sweep.rows = read_stuck_rows(relation, move->target.contract, fcinfo, state_argument, since_argument);
  // What is moved is what is told.
  if (sweep.rows.state != nullptr && sweep.rows.column != move->column)
    error_argument("state and target_state are of different columns", nullptr);
  tell_column(&sweep.rows, move->column);
  if (!PG_ARGISNULL(max_rows_argument) && PG_GETARG_INT32(max_rows_argument) <= 0)
    error_argument("max_rows must be greater than zero", nullptr);
  sweep.key = require_key(relation);
  return sweep;
}

// The states from which the graph leads to the target.
List *find_sources(const Move &move) {
  const GraphTerms *graph = move.column->graph;
  const int target = require_state(move.target.relation, move.column, move.state);
  List *sources = NIL;
  for (int i = 0; i < graph->nstates; ++i)
    if (graph->leads_to(i, target)) sources = lappend(sources, const_cast<char *>(graph->states[i]));
  if (sources == NIL) error_argument(psprintf("no state of the graph leads to \"%s\"", move.state), nullptr);
  return sources;
}

const char *taking_sql(const Sweep &sweep) {
  Relation relation = sweep.move.target.relation;
  const StuckRows &rows = sweep.rows;
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT ");
  for (const int attnum : each_int(sweep.key))
    appendStringInfo(&sql, "t.%s, ",
                     quote_identifier(get_attname(RelationGetRelid(relation), static_cast<AttrNumber>(attnum), false)));
  appendStringInfoString(&sql, told_columns(rows));
  write_stuck_rows(&sql, rows, find_sources(sweep.move));
  appendStringInfoString(&sql, " LIMIT $2 FOR UPDATE OF t SKIP LOCKED");
  return sql.data;
}

// Moves a row that the query has locked, and tells of it.
void move_row(const Sweep &sweep, HeapTuple row, TupleDesc tupdesc, const ReturnSetInfo *result) {
  Move move = sweep.move;
  bool isnull;
  int place = 0;  // of columns, those of the key first
  for (const int attnum : each_int(sweep.key)) {
    Field field = field_of_value(move.target.relation, static_cast<AttrNumber>(attnum),
                                 SPI_getbinval(row, tupdesc, ++place, &isnull), false);
    field.type = getBaseType(field.type);
    add_field(&move.target.key, field);
  }
  // A trigger of a row that was moved before may have changed this one.
  move.expect = read_expected(move.target, DatumGetJsonbP(SPI_getbinval(row, tupdesc, place + expect_place, &isnull)));
  if (!make_move(move)) return;
  Datum values[column_count];
  bool nulls[column_count] = {};
  const auto tell = [&](Column column, int told) {
    values[column] = SPI_getbinval(row, tupdesc, place + told, &nulls[column]);
  };
  tell(key_column, key_place);
  tell(was_column, was_place);
  values[state_column] = CStringGetTextDatum(move.state);
  tell(since_column, since_place);
  tell(age_column, age_place);
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

void sweep(FunctionCallInfo fcinfo) {
  const Sweep sweep = read_sweep(fcinfo);
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo);
  const char *sql = taking_sql(sweep);
  Oid types[] = {INTERVALOID, INT4OID};
  Datum values[] = {PG_GETARG_DATUM(older_than_argument), PG_GETARG_DATUM(max_rows_argument)};
  const char nulls[] = {' ', PG_ARGISNULL(max_rows_argument) ? 'n' : ' '};
  SPI_connect();
  const int level = pin_key_text();
  if (SPI_execute_with_args(sql, 2, types, values, nulls, false, 0) != SPI_OK_SELECT)
    elog(ERROR, "looking for rows failed");
  AtEOXact_GUC(true, level);
  // The moves run statements, and triggers, of their own.
  const SPITupleTable *taken = SPI_tuptable;
  const uint64 count = SPI_processed;
  MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ratchet sweep", ALLOCSET_DEFAULT_SIZES);
  for (uint64 i = 0; i < count; ++i) {
    CHECK_FOR_INTERRUPTS();
    MemoryContext caller = MemoryContextSwitchTo(memory);
    move_row(sweep, taken->vals[i], taken->tupdesc, result);
    MemoryContextSwitchTo(caller);
    MemoryContextReset(memory);
  }
  SPI_finish();
  close_target(sweep.move.target);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_sweep) {
  ratchet::sweep(fcinfo);
  return Datum(0);
}
