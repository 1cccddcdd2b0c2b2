// tally/write_row.cpp: adding what was counted to one row of a parent.
//
// On the direct path where that is possible, otherwise by a statement, and waiting for who has the row.
//
// Without waiting: where the contract says contention 'spill', and before PREPARE TRANSACTION whatever it says. Who has
// prepared holds its locks and waits for nobody, so whoever waits for it, waiting at a PREPARE that the same
// coordinator has sent elsewhere, waits in a circle that no detector sees. Then a row that another transaction has is
// left alone, and what was counted is appended beside it (tally/spill.h), or else is an error that ends before PREPARE
// answers. Above READ COMMITTED, and before PREPARE, it is appended in any case: there the row's newest version
// may be newer than the snapshot, here the row would stay locked until somebody ends the prepared transaction.
#include "tally/write_row.h"

extern "C" {
#include "access/xact.h"
#include "utils/snapmgr.h"
}

#include "activity/wait.h"
#include "contract/errors.h"
#include "contract/statement.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "pg/two_phase.h"
#include "pg/user_context.h"
#include "tally/direct_flush.h"
#include "tally/flush.h"
#include "tally/fold_worker.h"
#include "tally/noted.h"
#include "tally/spill.h"

namespace ratchet {

namespace {

// The parameters and the statement of one row's UPDATE:
//   UPDATE schema.parent t SET "c" = COALESCE(t."c", 0) OPERATOR(pg_catalog.+) $1, ...
//   WHERE t."key" OPERATOR(pg_catalog.=) $2 AND ...
const Statement *row_statement(Counters *counters, const Pending *entry, const Delta *deltas, Parameters *parameters) {
  for (int i = 0; i < counters->ncounters; ++i) {
    const Delta &delta = deltas[i];
    if (counters->counters[i].type != NUMERICOID) {
      add_parameter(parameters, INT8OID, Int64GetDatum(delta.count), false);
      continue;
    }
    add_parameter(parameters, NUMERICOID, numeric_of(delta), false);
  }
  for (int i = 0; i < counters->nkey; ++i)
    add_parameter(parameters, counters->key[i].type, entry->key.values[i], false);
  Signature signature{};
  sign(&signature, StatementKind::flush);
  if (const Statement *known = find_statement(counters, signature)) return known;

  SqlWriter writer;
  init_writer(&writer);
  appendStringInfo(&writer.sql, "UPDATE %s t SET ", qualified_relation(counters->root));
  for (int i = 0; i < counters->ncounters; ++i) {
    const char *name = quote_identifier(counters->counters[i].name);
    // The parent's trigger sets what is stored; other triggers, which fire before it, shall see it too.
    appendStringInfo(
        &writer.sql,
        counters->no_foreign_before_update ? "%s%s = t.%s" : "%s%s = COALESCE(t.%s, 0) OPERATOR(pg_catalog.+) $%d",
        i > 0 ? ", " : "", name, name, ++writer.parameters);
  }
  write_row_key(&writer, counters);
  return prepare_statement(counters, signature, writer.sql.data, *parameters);
}

//   SELECT t.xmin FROM schema.parent t WHERE t."key" OPERATOR(pg_catalog.=) $1 AND ...
Row look_up(Counters *counters, const Pending *entry, Snapshot snapshot) {
  const Parameters parameters = key_parameters(counters, entry->key.values);
  Signature signature{};
  sign(&signature, StatementKind::exists);
  const Statement *statement = find_statement(counters, signature);
  if (statement == nullptr) {
    SqlWriter writer;
    init_writer(&writer);
    appendStringInfo(&writer.sql, "SELECT t.xmin FROM %s t", qualified_relation(counters->root));
    write_row_key(&writer, counters);
    statement = prepare_statement(counters, signature, writer.sql.data, parameters);
  }
  return run_statement(statement, parameters, counters->root, nullptr, snapshot);
}

bool exists(Counters *counters, const Pending *entry, Snapshot snapshot) {
  return look_up(counters, entry, snapshot).found;
}

// Whether the row's newest version is of this transaction.
bool is_own(Counters *counters, const Pending *entry) {
  const Row row = look_up(counters, entry, GetLatestSnapshot());
  return row.found && TransactionIdIsCurrentTransactionId(DatumGetTransactionId(row.values[0]));
}

// deltas: of the entry, or with what lay spilled for the row, which is removed as they are added.
bool try_to_write(Counters *counters, const Pending *entry, Delta *deltas, const Spilled *spilled = nullptr) {
  Parameters parameters{};
  const Statement *statement = row_statement(counters, entry, deltas, &parameters);
  Permission permission{};
  permission.verb = Verb::count;
  permission.deltas = deltas;
  permission.counters = counters;
  permission.folded = spilled;
  const Row row = run_statement(statement, parameters, counters->root, &permission);
  if (row.processed == 0) return false;
  if (!permission.judged)
    error_unenforceable(table_open(counters->root, NoLock), "trigger \"~ratchet_counters\" did not fire",
                        "SELECT * FROM ratchet.health() shows why.");
  report(counters->tracked, Event::flushed);
  if (spilled != nullptr && spilled->count > 0) report(counters->tracked, Event::folded, spilled->count);
  return true;
}

// Nobody is told of by the UPDATE: the row is gone, or cannot be seen, or something keeps it from being updated.
void explain(Counters *counters, const Pending *entry) {
  const bool fixed_snapshot = IsolationUsesXactSnapshot();
  const bool seen = exists(counters, entry, fixed_snapshot ? GetTransactionSnapshot() : GetLatestSnapshot());
  if (seen) {
    Relation parent = table_open(counters->root, AccessShareLock);
    error_suppressed(parent);
  }
  if (fixed_snapshot && exists(counters, entry, GetLatestSnapshot()))
    ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
            errmsg("could not serialize access due to concurrent insert"),
            errdetail("A parent row that has to be counted for is newer than the snapshot of the transaction."));
  // Deleted, with its children or without. A row that is inserted under its key may want the count yet.
  if (entry->rows <= 0) {
    keep_stranded(entry);
    return;
  }
  ereport(ERROR, errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
          errmsg("rows were added to a row of \"%s\" that does not exist", get_rel_name(counters->root)),
          errhint("The foreign key is deferred, or its triggers are disabled."));
}

//   SELECT true FROM schema.parent t WHERE t."key" OPERATOR(pg_catalog.=) $1 AND ... FOR NO KEY UPDATE [SKIP LOCKED]
bool lock_row(Counters *counters, const Pending *entry, bool waits) {
  const Parameters parameters = key_parameters(counters, entry->key.values);
  Signature signature{};
  sign(&signature, waits ? StatementKind::lock_row : StatementKind::lock_unless_busy);
  const Statement *statement = find_statement(counters, signature);
  if (statement == nullptr) {
    SqlWriter writer;
    init_writer(&writer);
    appendStringInfo(&writer.sql, "SELECT true FROM %s t", qualified_relation(counters->root));
    write_row_key(&writer, counters);
    appendStringInfoString(&writer.sql, waits ? " FOR NO KEY UPDATE" : " FOR NO KEY UPDATE SKIP LOCKED");
    statement = prepare_statement(counters, signature, writer.sql.data, parameters);
  }
  return run_statement(statement, parameters, counters->root, nullptr).found;
}

// By statements, with the row locked, so that its version is the newest and what lies spilled nobody else's to remove.
void write_locked(Counters *counters, const Pending *entry) {
  if (counters->spill == nullptr) {
    if (!try_to_write(counters, entry, entry->deltas)) explain(counters, entry);
    return;
  }
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const Spilled spilled = read_to_add(counters, entry, snapshot, PG_INT32_MAX);
  UnregisterSnapshot(snapshot);
  auto *deltas = palloc_array<Delta>(counters->ncounters);
  memcpy(deltas, entry->deltas, sizeof(Delta) * counters->ncounters);
  add_spilled(counters, spilled, deltas);
  if (!try_to_write(counters, entry, deltas, &spilled)) explain(counters, entry);
}

// Whether the row was written, or is gone; false: another transaction has it.
bool write_unless_busy(Counters *counters, const Pending *entry, bool alone, bool strictly) {
  switch (count_without_wait(counters, entry, alone, strictly, counters->spill != nullptr)) {
    case Taken::stored:
    case Taken::idle:
      return true;
    case Taken::busy:
      return false;
    case Taken::left:
      break;
  }
  if (lock_row(counters, entry, false)) {
    write_locked(counters, entry);
    return true;
  }
  if (exists(counters, entry, GetLatestSnapshot())) return false;
  explain(counters, entry);
  return true;
}

// What there is of the row is newer than the snapshot perhaps: so it is not even looked at. But for one that this
// transaction itself has completed, perhaps, and must not call for where what it has counted since says otherwise.
void append_or_explain(Counters *counters, const Pending *entry) {
  if (any_due() && is_own(counters, entry) && try_to_write(counters, entry, entry->deltas)) return;
  if (entry->rows > 0 || exists(counters, entry, GetLatestSnapshot()))
    append_spilled(counters, entry);
  else
    explain(counters, entry);
}

[[noreturn]] void error_busy(Oid locked, const char *message, const char *hint) {
  const char *table = get_rel_name(locked);
  ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE), errmsg(message, table),
          errdetail("A transaction that is about to be prepared does not wait: no deadlock detector knows of what "
                    "prepared transactions hold."),
          errhint("%s", hint),
          (err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(get_rel_namespace(locked))), 0),
          (err_generic_string(PG_DIAG_TABLE_NAME, table), 0));
  pg_unreachable();
}

void write_or_wait(Counters *counters, const Pending *entry, bool alone) {
  if (is_preparing()) {
    if (!write_unless_busy(counters, entry, alone, true))
      error_busy(counters->root, "a row of \"%s\" that has to be counted for is locked by another transaction",
                 "Try the transaction again, or declare the tally with contention => 'spill'.");
  } else if (!count_directly(counters, entry, alone) && !try_to_write(counters, entry, entry->deltas) &&
             !try_to_write(counters, entry, entry->deltas)) {
    explain(counters, entry);
  }
}

// What lies spilled is left to a worker that is there, and its table alone.
Taken write_beside_worker(Counters *counters, const Pending *entry) {
  if (!knows_fold_worker(counters->owner)) return Taken::left;
  return count_without_wait(counters, entry, true, false, true, Lying::left);
}

void write_or_spill(Counters *counters, Pending *entry, bool alone) {
  const bool appends = is_preparing() || IsolationUsesXactSnapshot();
  const Taken taken = alone && !appends ? write_beside_worker(counters, entry) : Taken::left;
  if (taken == Taken::stored || taken == Taken::idle) return;
  Counters *locked = lock_spill_table(counters, !is_preparing());
  if (locked == nullptr)
    error_busy(counters->spill->relation, "table \"%s\" is locked by another transaction",
               "Try the transaction again.");
  entry = translated(entry, locked);
  if (locked->spill == nullptr)
    write_or_wait(locked, entry, alone);
  else if (appends)
    append_or_explain(locked, entry);
  else if (taken == Taken::busy || !write_unless_busy(locked, entry, alone, !alone))
    append_spilled(locked, entry);
}

}  // namespace

void write_row(Counters *counters, Pending *entry, bool alone) {
  CHECK_FOR_INTERRUPTS();
  const Stretch stretch = begin_stretch(counters->tracked);
  if (counters->spill != nullptr)
    write_or_spill(counters, entry, alone);
  else
    write_or_wait(counters, entry, alone);
  end_stretch(counters->tracked, stretch);
}

Folded write_folded(Counters *counters, const Datum *key, FoldMode mode) {
  const bool waits = mode == FoldMode::waiting;
  Pending entry{};
  entry.key = key_of(counters, key);
  entry.deltas = palloc0_array<Delta>(counters->ncounters);
  if (!waits && !may_take(counters, &entry)) return Folded::busy;
  const Writing writing = start_writing(counters->owner, counters->root, restriction_for(counters->owner));
  const Taken taken =
      waits ? Taken::left : count_without_wait(counters, &entry, false, true, mode == FoldMode::sparing);
  Folded folded = taken == Taken::stored ? Folded::folded : taken == Taken::idle ? Folded::gone : Folded::busy;
  if (taken == Taken::left && lock_row(counters, &entry, waits)) {
    write_locked(counters, &entry);
    folded = Folded::folded;
  } else if (taken == Taken::left) {
    // One snapshot: what is counted for a row that comes meanwhile is not among it.
    const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
    if (!exists(counters, &entry, snapshot)) {
      remove_leftovers(counters, key, snapshot, waits);
      folded = Folded::gone;
    }
    UnregisterSnapshot(snapshot);
  }
  end_writing(writing);
  return folded;
}

Parameters key_parameters(const Counters *counters, const Datum *key) {
  Parameters parameters{};
  for (int i = 0; i < counters->nkey; ++i) add_parameter(&parameters, counters->key[i].type, key[i], false);
  return parameters;
}

void write_row_key(SqlWriter *writer, const Counters *counters) {
  for (int i = 0; i < counters->nkey; ++i) {
    const KeyColumn &column = counters->key[i];
    appendStringInfo(&writer->sql, "%s t.%s %s $%d", i > 0 ? " AND" : " WHERE", quote_identifier(column.name),
                     qualified_operator(equality_operator(column.type)), ++writer->parameters);
  }
}

}  // namespace ratchet
