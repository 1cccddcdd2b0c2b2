// flush.cpp: one UPDATE for each parent row that the transaction has counted for.
//
// When: a deferred constraint trigger of the child, so that the parent's row is
// locked from just before COMMIT, and the parent's own deferred triggers and
// constraints, which the UPDATE queues, still fire. A pre-commit callback would
// be too late for those.
//
// In which order: tables that are children themselves before their parents,
// then by OID, rows by the order of their key; and everything pending is
// written by whichever event comes first. So all transactions that count and
// flush at COMMIT lock parents in the same order and cannot wait for each
// other in a circle, whatever the order of their own statements. Writing a
// table's row counts for that table's own parents, which come later in the same order.
//
// What is seen: under READ COMMITTED the UPDATE waits for a concurrent flush of
// the row and then adds to what that one committed; addition does not care who
// was first. Under REPEATABLE READ it fails with 40001, as any UPDATE. The row
// lock is released after the holder's commit is visible to new snapshots, so
// whoever waited and then reads children sees all that were counted before.
//
// Undo: before the first UPDATE everything that is taken out of the map is
// booked out in the current subtransaction's level. A rollback to a savepoint
// drops the booking along with the UPDATE; PostgreSQL then fires the event
// again, and the counts are there again.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "utils/snapmgr.h"
}

#include "complete.h"
#include "declaration.h"
#include "direct_count.h"
#include "errors.h"
#include "flush.h"
#include "guard.h"
#include "owner.h"
#include "pg/fence.h"
#include "sqltext.h"
#include "tally_triggers.h"
#include "truncate.h"
#include "verb.h"

namespace ratchet {

namespace {

// Chains of tables that count for one another; more is a circle.
constexpr int max_height = 32;

// How many tables are counted above this one, along the longest way.
int height_of(Oid relid, int depth) {
  if (depth >= max_height) return 0;
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return 0;
  int height = 0;
  for (int n = 0;; ++n) {
    const Trigger *trigger = find_trigger(relation, Role::source, n);
    if (trigger == nullptr) break;
    const Oid parent = tally_of(relation, trigger)->other;
    if (parent != relid) height = Max(height, 1 + height_of(parent, depth + 1));
  }
  relation_close(relation, NoLock);
  return height;
}

List *add_once(List *names, const char *name) {
  ListCell *cell;
  foreach (cell, names)
    if (strcmp(static_cast<const char *>(lfirst(cell)), name) == 0) return names;
  return lappend(names, const_cast<char *>(name));
}

struct Table {
  Oid root;
  int height;     // negative: not looked up yet
  List *entries;  // Pending *
};

void set_height(Table *table) {
  if (table->height < 0) table->height = height_of(table->root, 0);
}

// In the order in which tables are locked.
bool comes_before(Table *a, Table *b) {
  set_height(a);
  set_height(b);
  return a->height != b->height ? a->height > b->height : a->root < b->root;
}

// The entries by table.
List *tables_of(const List *entries) {
  List *tables = NIL;
  ListCell *cell;
  foreach (cell, entries) {
    auto *entry = static_cast<Pending *>(lfirst(cell));
    Table *table = nullptr;
    ListCell *known;
    foreach (known, tables)
      if (static_cast<Table *>(lfirst(known))->root == entry->key.counters->root)
        table = static_cast<Table *>(lfirst(known));
    if (table == nullptr) {
      table = static_cast<Table *>(palloc0(sizeof(Table)));
      table->root = entry->key.counters->root;
      table->height = -1;
      tables = lappend(tables, table);
    }
    table->entries = lappend(table->entries, entry);
  }
  return tables;
}

// The first table after the last one, in the order of locking; nullptr: there is none. Of tables that were already
// written, what triggers have counted since has an event of its own.
Table *next_table(List *tables, Table *last) {
  // The usual case does not ask for heights.
  if (last == nullptr && list_length(tables) == 1) return static_cast<Table *>(linitial(tables));
  Table *next = nullptr;
  ListCell *cell;
  foreach (cell, tables) {
    auto *table = static_cast<Table *>(lfirst(cell));
    if ((last == nullptr || comes_before(last, table)) && (next == nullptr || comes_before(table, next))) next = table;
  }
  return next;
}

// The key's order for qsort_arg().
int compare_keys(const void *a, const void *b, void *argument) {
  const auto *left = static_cast<Pending *const *>(a);
  const auto *right = static_cast<Pending *const *>(b);
  const auto *counters = static_cast<const Counters *>(argument);
  for (int i = 0; i < counters->nkey; ++i) {
    KeyColumn &column = counters->key[i];
    const int order = DatumGetInt32(
        FunctionCall2Coll(&column.compare, column.collation, (*left)->key.values[i], (*right)->key.values[i]));
    if (order != 0) return order;
  }
  return 0;
}

// Whether keys of the one are keys of the other.
bool has_same_key(const Counters *a, const Counters *b) {
  if (a->nkey != b->nkey) return false;
  for (int i = 0; i < a->nkey; ++i) {
    const KeyColumn &one = a->key[i];
    const KeyColumn &other = b->key[i];
    const bool same_column =
        a->relation == b->relation ? one.attnum == other.attnum : strcmp(one.name, other.name) == 0;
    if (!same_column || one.type != other.type || one.collation != other.collation) return false;
  }
  return true;
}

// The place of a counter of an older build of the counters, or of a
// partition's. Within one relation its column says which it is, whatever its name is now.
int place_in(const Counters *counters, const Counters *before, int place) {
  const KeptCounter &wanted = before->counters[place];
  for (int i = 0; i < counters->ncounters; ++i) {
    const KeptCounter &counter = counters->counters[i];
    if (before->relation == counters->relation ? counter.attnum == wanted.attnum
                                               : strcmp(counter.name, wanted.name) == 0)
      return i;
  }
  return -1;
}

}  // namespace

Pending *translated(Pending *entry, Counters *counters) {
  const Counters *before = entry->key.counters;
  if (before == counters) return entry;
  if (!has_same_key(before, counters))
    error_unenforceable(table_open(counters->root, NoLock),
                        "the key that is counted by was changed while it was counted", "Call ratchet.flush() first.");
  auto *after = static_cast<Pending *>(palloc(sizeof(Pending)));
  *after = *entry;
  after->key.counters = counters;
  after->deltas = static_cast<Delta *>(palloc0(sizeof(Delta) * counters->ncounters));
  for (int i = 0; i < before->ncounters; ++i) {
    const int place = place_in(counters, before, i);
    if (place >= 0)
      after->deltas[place] = entry->deltas[i];
    else if (entry->deltas[i].count != 0 || entry->deltas[i].sum != 0)
      error_unenforceable(table_open(counters->root, NoLock),
                          "a counter was taken out of the contract while it was counted",
                          "Call ratchet.flush() first.");
  }
  return after;
}

namespace {

// The parameters and the statement of one row's UPDATE:
//   UPDATE schema.parent t SET "c" = COALESCE(t."c", 0) OPERATOR(pg_catalog.+) $1, ...
//   WHERE t."key" OPERATOR(pg_catalog.=) $2 AND ...
const Statement *row_statement(Counters *counters, const Pending *entry, Parameters *parameters) {
  for (int i = 0; i < counters->ncounters; ++i) {
    const Delta &delta = entry->deltas[i];
    if (counters->counters[i].type != NUMERICOID) {
      add_parameter(parameters, INT8OID, Int64GetDatum(delta.count), false);
      continue;
    }
    add_parameter(parameters, NUMERICOID, numeric_of(delta), false);
  }
  for (int i = 0; i < counters->nkey; ++i)
    add_parameter(parameters, counters->key[i].type, entry->key.values[i], false);
  Signature signature{};
  sign(&signature, Template::flush);
  if (const Statement *known = find_statement(counters, signature)) return known;

  Writer writer;
  start(&writer);
  appendStringInfo(&writer.sql, "UPDATE %s t SET ", qualified_relation(counters->root));
  for (int i = 0; i < counters->ncounters; ++i) {
    const char *name = quote_identifier(counters->counters[i].name);
    // The parent's trigger sets what is stored; other triggers, which fire before it, shall see it too.
    appendStringInfo(&writer.sql,
                     counters->judges_alone ? "%s%s = t.%s" : "%s%s = COALESCE(t.%s, 0) OPERATOR(pg_catalog.+) $%d",
                     i > 0 ? ", " : "", name, name, ++writer.parameters);
  }
  write_row_key(&writer, counters);
  return prepare_statement(counters, signature, writer.sql.data, *parameters);
}

//   SELECT true FROM schema.parent t WHERE t."key" OPERATOR(pg_catalog.=) $1 AND ...
bool exists(Counters *counters, const Pending *entry, Snapshot snapshot) {
  Parameters parameters{};
  for (int i = 0; i < counters->nkey; ++i)
    add_parameter(&parameters, counters->key[i].type, entry->key.values[i], false);
  Signature signature{};
  sign(&signature, Template::exists);
  const Statement *statement = find_statement(counters, signature);
  if (statement == nullptr) {
    Writer writer;
    start(&writer);
    appendStringInfo(&writer.sql, "SELECT true FROM %s t", qualified_relation(counters->root));
    write_row_key(&writer, counters);
    statement = prepare_statement(counters, signature, writer.sql.data, parameters);
  }
  return run_statement(statement, parameters, counters->root, nullptr, snapshot).found;
}

bool try_to_write(Counters *counters, const Pending *entry, List **completed) {
  Parameters parameters{};
  const Statement *statement = row_statement(counters, entry, &parameters);
  Permission permission{};
  permission.verb = Verb::count;
  permission.deltas = entry->deltas;
  permission.counters = counters;
  permission.memory = CurrentMemoryContext;
  permission.completed = *completed;
  const Row row = run_statement(statement, parameters, counters->root, &permission);
  *completed = permission.completed;
  if (row.processed == 0) return false;
  if (!permission.judged)
    error_unenforceable(table_open(counters->root, NoLock), "trigger \"~ratchet_counters\" did not fire",
                        "SELECT * FROM ratchet.health() tells why.");
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
    keep_orphan(entry);
    return;
  }
  ereport(ERROR, errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
          errmsg("rows were added to a row of \"%s\" that does not exist", get_rel_name(counters->root)),
          errhint("The foreign key is deferred, or its triggers are disabled."));
}

void write_row(Counters *counters, const Pending *entry, bool alone, List **completed) {
  CHECK_FOR_INTERRUPTS();
  if (count_directly(counters, entry, alone, completed)) return;
  if (!try_to_write(counters, entry, completed) && !try_to_write(counters, entry, completed)) explain(counters, entry);
}

void write_table(const Table *table, List **completed) {
  ListCell *cell;
  // Out of the map before the first UPDATE, whose triggers may count and flush again.
  foreach (cell, table->entries) book_out(static_cast<const Pending *>(lfirst(cell)));
  Counters *counters = current_counters(table->root, RowExclusiveLock);
  const Writing writing = start_writing(counters->owner, counters->root, 0);
  const List *rows = merged(table->entries, counters);
  foreach (cell, rows) {
    auto *entry = static_cast<Pending *>(lfirst(cell));
    // A trigger of the row before may have changed the contract.
    if (!counters->valid) counters = current_counters(table->root, RowExclusiveLock);
    write_row(counters, translated(entry, counters), list_length(rows) == 1, completed);
  }
  end_writing(writing);
}

// SET CONSTRAINTS "schema"."~ratchet_flush", ... IMMEDIATE, then DEFERRED: so that the events are spent,
// which would keep DDL and TRUNCATE away from their tables until COMMIT.
void spend_events() {
  List *names = NIL;
  ListCell *cell;
  foreach (cell, armed_tables()) {
    Relation relation = try_relation_open(lfirst_oid(cell), AccessShareLock);
    if (relation == nullptr) continue;
    // Whoever may not look into the schema cannot name what is in it; his counts are written all the same.
    const Oid schema = RelationGetNamespace(relation);
    if (may_use_schema(schema, GetUserId()) && find_named(relation, flush_trigger_name) != nullptr)
      names = add_once(names, quote_qualified_identifier(get_namespace_name(schema), flush_trigger_name));
    relation_close(relation, NoLock);
  }
  if (names == NIL) return;
  StringInfoData list;
  initStringInfo(&list);
  foreach (cell, names) appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", static_cast<char *>(lfirst(cell)));
  run_all(list_make2(psprintf("SET CONSTRAINTS %s IMMEDIATE", list.data),
                     psprintf("SET CONSTRAINTS %s DEFERRED", list.data)));
}

}  // namespace

Counters *current_counters(Oid root, LOCKMODE lock) {
  Relation parent = table_open(root, lock);
  Counters *counters = require_counters(parent);
  table_close(parent, NoLock);
  return counters;
}

List *merged(const List *entries, Counters *counters) {
  const int count = list_length(entries);
  auto **rows = static_cast<Pending **>(palloc(sizeof(Pending *) * Max(count, 1)));
  int filled = 0;
  ListCell *cell;
  foreach (cell, entries) rows[filled++] = translated(static_cast<Pending *>(lfirst(cell)), counters);
  qsort_arg(rows, count, sizeof(Pending *), fenced<compare_keys>, counters);
  List *result = NIL;
  for (int i = 0; i < count; ++i) {
    auto *last = result == NIL ? nullptr : static_cast<Pending *>(llast(result));
    if (last == nullptr || !same_key(counters, last->key.values, rows[i]->key.values)) {
      result = lappend(result, rows[i]);
      continue;
    }
    last->rows += rows[i]->rows;
    last->orphans += rows[i]->orphans;
    for (int j = 0; j < counters->ncounters; ++j) {
      add_count(&last->deltas[j], rows[i]->deltas[j].count);
      last->deltas[j].sum = numeric_sum(last->deltas[j].sum, rows[i]->deltas[j].sum);
    }
  }
  return result;
}

void flush_pending(Oid fired) {
  if (!any_pending()) return;
  // Before anything is written: a row that is counted from here on needs an event of its own.
  if (OidIsValid(fired)) set_armed(fired, false);
  // A TRUNCATE that is under way has taken away what it is about to remove, and writes everything when it ends.
  if (is_truncating()) return;
  const int chain = take_chain();
  List *completed = NIL;
  Table *table = nullptr;
  while ((table = next_table(tables_of(pending_entries(0)), table)) != nullptr) write_table(table, &completed);
  complete(completed, chain);
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_flush_counters) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.flush_counters", TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER, "AFTER FOR EACH ROW", 0);
  ratchet::flush_pending(RelationGetRelid(trigger->tg_relation));
  return PointerGetDatum(nullptr);
}

RATCHET_FUNCTION(ratchet_flush_now) {
  ratchet::spend_events();
  // What was counted while events wait in the list of a statement that has not ended yet.
  ratchet::flush_pending(InvalidOid);
  PG_RETURN_VOID();
}
