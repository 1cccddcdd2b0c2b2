// verb/sweep.cpp: ratchet.sweep(), which moves rows that nobody works on any more.
//
//   SELECT <primary key>, ... FROM <stuck rows> LIMIT $2 FOR UPDATE OF t SKIP LOCKED
//
// row by row, each of which is moved before the next one is locked.
//
// A row that somebody has locked is being worked on, so it is left out and nobody is waited for: also one that a worker
// has only just referred to, by a record of it. That is the strongest lock, so that no move needs a stronger one,
// whatever it changes. Under READ COMMITTED the executor judges a row again that has changed since the snapshot, on its
// newest version and with the lock held: whoever shows a sign of life from then on waits for the sweep, and learns what
// it has done. Only a trigger of an earlier move can have changed a row unseen; so each move expects what was seen when
// the row was locked.
//
// For rows of this table only the worker waits, then. But a move can wait for something else that he holds: for a key
// of a unique index that he has stored in another row, which no lock of rows foretells and no NOWAIT covers; for a row
// that the moved one refers to; for whatever a trigger touches. He may be waiting for the sweep at the same time. So
// such a move is a subtransaction that gives up after `patience`, and its row is left to the next sweep. Too short for
// the sweep's own deadlock check, but the worker's would find a circle if it fell into that time. It comes
// deadlock_timeout after he has begun to wait, so not before the sweep has had its first row for that long; no move
// that can wait begins later than half of it. Hence neither is ever the victim, unless a single move waits for very
// many, or the sweep's transaction has rows from before the call.
//
// Parents that count are written at COMMIT, in the order of the flush; that is out of the verb's hands
// (docs/operations/locking.md).
#include "pg/pg.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_index.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/proc.h"
#include "utils/portal.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
}

#include <algorithm>

#include "contract/errors.h"
#include "contract/trigger_cache.h"
#include "guard/policy.h"
#include "pg/attempt.h"
#include "pg/fence.h"
#include "pg/guc_nest.h"
#include "pg/heap_update.h"
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
  List *key;      // attribute numbers
  bool can_wait;  // a move can, for somebody who has not locked its row
};

// How long a move waits for others, in milliseconds; less where deadlocks are looked for sooner.
constexpr int patience = 10;

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

// Attribute numbers of what a move sets, where no trigger sets more.
Bitmapset *set_columns(const Move &move) {
  Bitmapset *set = bms_make_singleton(move.column->attnum);
  for (const AttrNumber attnum : {move.target.contract->heartbeat, move.target.contract->version})
    if (attnum != InvalidAttrNumber) set = bms_add_member(set, attnum);
  for (const Field &field : move.patch) set = bms_add_member(set, field.attnum);
  return set;
}

// A key that stays as it is meets nobody's: the row has had it all along.
bool may_change_key(Oid index, const Bitmapset *set) {
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) return true;
  const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  bool may =
      !heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) || !heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
  for (int i = 0; i < form->indnkeyatts; ++i) may = may || bms_is_member(form->indkey.values[i], set);
  const bool refuses = form->indisunique || form->indisexclusion;
  ReleaseSysCache(tuple);
  return refuses && may;
}

// Whether a move can wait for somebody who has not locked the row. Says yes where that would take a closer look.
bool can_wait(const Move &move) {
  Relation relation = move.target.relation;
  if (!is_plain_heap(relation) || relation->rd_rel->relrowsecurity) return true;
  for (const OwnTrigger &own : copy_triggers(relation))
    if (TRIGGER_FOR_UPDATE(own.trigger->tgtype) && own.kind == TriggerKind::none &&
        RI_FKey_trigger_type(own.trigger->tgfoid) == RI_TRIGGER_NONE)
      return true;
  const Bitmapset *set = set_columns(move);
  for (const Oid index : each_oid(RelationGetIndexList(relation)))
    if (may_change_key(index, set)) return true;
  auto *keys = static_cast<List *>(copyObjectImpl(RelationGetFKeyList(relation)));
  for (const auto *key : each<ForeignKeyCacheInfo>(keys))
    for (int i = 0; i < key->nkeys; ++i)
      if (bms_is_member(key->conkey[i], set)) return true;
  return false;
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
  sweep.can_wait = can_wait(*move);
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
  report_outcome(move.target, "swept");
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

// Until the subtransaction ends. Who has set less wants less.
void set_patience() {
  const int most = std::max(std::min(patience, DeadlockTimeout / 4), 1);
  if (LockTimeout == 0 || LockTimeout > most) set_local("lock_timeout", psprintf("%d", most));
}

// Moves a row, unless somebody would have to be waited for.
void try_to_move(const Sweep &sweep, HeapTuple row, TupleDesc tupdesc, const ReturnSetInfo *result) {
  if (!sweep.can_wait) return move_row(sweep, row, tupdesc, result);
  undo_if([](const ErrorData *error) { return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE; },
          [&] {
            set_patience();
            move_row(sweep, row, tupdesc, result);
          });
}

// Locks the next row, and has its key written.
bool take_row(Portal rows) {
  const int level = pin_key_text();
  SPI_cursor_fetch(rows, true, 1);
  AtEOXact_GUC(true, level);
  return SPI_processed > 0;
}

void sweep(FunctionCallInfo fcinfo) {
  const Sweep sweep = read_sweep(fcinfo);
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo);
  const char *sql = taking_sql(sweep);
  Oid types[] = {INTERVALOID, INT4OID};
  Datum values[] = {PG_GETARG_DATUM(older_than_argument), PG_GETARG_DATUM(max_rows_argument)};
  const char nulls[] = {' ', PG_ARGISNULL(max_rows_argument) ? 'n' : ' '};
  MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ratchet sweep", ALLOCSET_DEFAULT_SIZES);
  SPI_connect();
  Portal rows = SPI_cursor_open_with_args(nullptr, sql, 2, types, values, nulls, false, 0);
  // A trigger may say CLOSE ALL.
  PinPortal(rows);
  TimestampTz begun = 0;  // when the first row was locked
  while (take_row(rows)) {
    CHECK_FOR_INTERRUPTS();
    if (begun == 0) begun = GetCurrentTimestamp();
    SPITupleTable *taken = SPI_tuptable;
    MemoryContext caller = MemoryContextSwitchTo(memory);
    try_to_move(sweep, taken->vals[0], taken->tupdesc, result);
    MemoryContextSwitchTo(caller);
    MemoryContextReset(memory);
    SPI_freetuptable(taken);
    if (sweep.can_wait && TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), DeadlockTimeout / 2)) break;
  }
  UnpinPortal(rows);
  SPI_cursor_close(rows);
  SPI_finish();
  close_target(sweep.move.target);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_sweep) {
  ratchet::sweep(fcinfo);
  return Datum(0);
}
