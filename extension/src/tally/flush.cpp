// tally/flush.cpp: one UPDATE for each parent row that the transaction has counted for.
//
// When: a deferred constraint trigger of the child, so that the parent's row is
// locked from just before COMMIT, and the parent's own deferred triggers and
// constraints, which the UPDATE queues, still fire. A pre-commit callback would
// be too late for those.
//
// In which order: see tally/flush_order.h; and everything pending is written by whichever
// event comes first. So all transactions that count and flush at COMMIT lock
// parents in the same order and cannot wait for each other in a circle, whatever
// the order of their own statements. Writing a row counts for the rows that it is
// counted for, which come later in the same order.
//
// How long: a row of a table that is not in a circle is written once. In a circle the
// depth of what is written goes down, unless rows refer to each other in a circle or somebody's
// triggers count as well; how often it may turn back is bounded, and so is how often one flush
// may lead to another. statement_timeout ends at the statement, before COMMIT fires
// deferred triggers; so a flush watches it itself.
//
// Without waiting: where the contract says so, and before PREPARE TRANSACTION; see tally/write_row.cpp.
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
#include "storage/proc.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
}

#include <algorithm>

#include "contract/ddl_support.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "pg/trigger_call.h"
#include "pg/user_context.h"
#include "tally/completion.h"
#include "tally/flush.h"
#include "tally/flush_order.h"
#include "tally/noted.h"
#include "tally/truncate_trigger.h"
#include "tally/write_row.h"

namespace ratchet {

namespace {

// How often the depth may turn back in a circle of tables, and how many flushes may lead to one another.
constexpr int max_turns = 32;
constexpr int max_rounds = 64;

// The circle whose rows are being written; InvalidOid: none. A flush that fires meanwhile, because constraints
// are immediate, leaves its rows to the one that is under way: else each depth would be one more flush on the stack.
Oid circle_under_way;

List *add_once(List *names, const char *name) {
  ListCell *cell;
  foreach (cell, names)
    if (strcmp(static_cast<const char *>(lfirst(cell)), name) == 0) return names;
  return lappend(names, const_cast<char *>(name));
}

// What is pending for one table, or for all tables of a circle.
struct Batch {
  Oid table;       // of a circle: the smallest of its tables
  TableRank rank;  // of a table that is the only one and counted nowhere: not looked up
  List *entries;   // Pending *
};

// In the order in which tables are locked.
bool comes_before(const Batch *a, const Batch *b) {
  return a->rank.height != b->rank.height ? a->rank.height > b->rank.height : a->table < b->table;
}

// The entries by table. Ranks are looked up where there are several tables, or one that is counted somewhere itself.
List *batches_of(const List *entries) {
  List *batches = NIL;
  const Oid first = entries == NIL ? InvalidOid : static_cast<const Pending *>(linitial(entries))->key.counters->root;
  bool ranked = false;
  ListCell *cell;
  foreach (cell, entries) {
    const Counters *counters = static_cast<const Pending *>(lfirst(cell))->key.counters;
    ranked = ranked || counters->is_child || counters->root != first;
  }
  for (auto *entry : each<Pending>(entries)) {
    const Oid root = entry->key.counters->root;
    Batch *batch = nullptr;
    for (auto *one : each<Batch>(batches)) {
      if (one->table == root ||
          (ranked && OidIsValid(one->rank.circle) && one->rank.circle == find_table_rank(root).circle))
        batch = one;
    }
    if (batch == nullptr) {
      batch = palloc0_object<Batch>();
      if (ranked) batch->rank = find_table_rank(root);
      batch->table = OidIsValid(batch->rank.circle) ? batch->rank.circle : root;
      batches = lappend(batches, batch);
    }
    batch->entries = lappend(batch->entries, entry);
  }
  return batches;
}

// The first one after the last one, in the order of locking; nullptr: there is none. Of tables that were already
// written, what triggers have counted since has an event of its own.
Batch *next_batch(List *batches, const Batch *last) {
  Batch *next = nullptr;
  for (auto *batch : each<Batch>(batches)) {
    if (OidIsValid(circle_under_way) && batch->rank.circle == circle_under_way) continue;
    if ((last == nullptr || comes_before(last, batch)) && (next == nullptr || comes_before(batch, next))) next = batch;
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

// The place of a counter of an older build of the counters, or of a
// partition's. Within one relation its column says which it is, whatever its name is now.
int place_in(const Counters *counters, const Counters *before, int place) {
  const ParentCounter &wanted = before->counters[place];
  for (int i = 0; i < counters->ncounters; ++i) {
    const ParentCounter &counter = counters->counters[i];
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
                        "the key that the tally references was changed while rows were counted",
                        "Call ratchet.flush() first.");
  auto *after = palloc_object<Pending>();
  *after = *entry;
  after->key.counters = counters;
  after->deltas = palloc0_array<Delta>(counters->ncounters);
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

// Writes entries of one table. Any number of rows takes the memory of one.
void write_table(Oid root, const List *entries) {
  ListCell *cell;
  // Out of the map before the first UPDATE, whose triggers may count and flush again.
  foreach (cell, entries) book_out(static_cast<const Pending *>(lfirst(cell)));
  Counters *counters = current_counters(root, RowExclusiveLock);
  const Writing writing = start_writing(counters->owner, counters->root, 0);
  const List *rows = merged(entries, counters);
  const bool alone = list_length(rows) == 1;
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext memory =
      alone ? caller : AllocSetContextCreate(caller, "ratchet flush of one row", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(memory);
  for (auto *entry : each<Pending>(rows)) {
    // A trigger of the row before may have changed the contract.
    if (!counters->valid) counters = current_counters(root, RowExclusiveLock);
    write_row(counters, translated(entry, counters), alone);
    if (!alone) MemoryContextReset(memory);
  }
  MemoryContextSwitchTo(caller);
  if (!alone) MemoryContextDelete(memory);
  end_writing(writing);
}

[[noreturn]] void error_unsettled(const Batch *batch) {
  const char *table = get_rel_name(batch->table);
  ereport(ERROR, errcode(ERRCODE_STATEMENT_TOO_COMPLEX), errmsg("counts of relation \"%s\" do not settle", table),
          errdetail("Each count changes what is counted for another row, more than %d times over.", max_turns),
          errhint("Rows refer to each other in a circle: look for one that is reached again from itself through the "
                  "foreign key of the tally."),
          (err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(get_rel_namespace(batch->table))), 0),
          (err_generic_string(PG_DIAG_TABLE_NAME, table), 0));
  pg_unreachable();
}

// Of the entries of a circle those whose rows are the deepest.
List *deepest_of(RowDepths *depths, const List *entries, int *deepest) {
  List *found = NIL;
  *deepest = -1;
  for (auto *entry : each<Pending>(entries)) {
    Counters *counters = current_counters(entry->key.counters->root, RowExclusiveLock);
    const int depth = find_row_depth(depths, counters, translated(entry, counters)->key.values);
    if (depth > *deepest) found = NIL;
    if (depth >= *deepest) found = lappend(found, entry);
    *deepest = std::max(*deepest, depth);
  }
  return found;
}

// Entries that wait for something else than being written: what is kept for a row that is gone does not.
List *without_stranded(const List *entries) {
  List *found = NIL;
  ListCell *cell;
  foreach (cell, entries)
    if (static_cast<const Pending *>(lfirst(cell))->stranded <= 0) found = lappend(found, lfirst(cell));
  return found;
}

// Writes the rows that are given, and then those that they are counted for, the deepest first.
void write_circle(const Batch *batch) {
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext lasting = AllocSetContextCreate(caller, "ratchet flush of a circle", ALLOCSET_DEFAULT_SIZES);
  MemoryContext memory = AllocSetContextCreate(lasting, "ratchet flush of one depth", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(lasting);
  RowDepths *depths = make_row_depths(batch->rank.circle);
  MemoryContextSwitchTo(memory);
  int before = PG_INT32_MAX;
  int turns = 0;
  for (const List *entries = batch->entries; entries != NIL;) {
    int depth;
    List *deepest = deepest_of(depths, entries, &depth);
    if (depth >= before && ++turns > max_turns) error_unsettled(batch);
    before = depth;
    List *roots = NIL;
    ListCell *cell;
    foreach (cell, deepest)
      roots = list_append_unique_oid(roots, static_cast<const Pending *>(lfirst(cell))->key.counters->root);
    list_sort(roots, list_oid_cmp);
    for (const Oid oid : each_oid(roots)) {
      List *rows = NIL;
      ListCell *entry;
      foreach (entry, deepest)
        if (static_cast<const Pending *>(lfirst(entry))->key.counters->root == oid) rows = lappend(rows, lfirst(entry));
      write_table(oid, rows);
    }
    MemoryContextReset(memory);
    entries = NIL;
    for (const auto *next : each<Batch>(batches_of(without_stranded(pending_entries(0))))) {
      if (next->rank.circle == batch->rank.circle) entries = next->entries;
    }
  }
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(lasting);
}

void write_batch(const Batch *batch) {
  if (!OidIsValid(batch->rank.circle)) {
    write_table(batch->table, batch->entries);
    return;
  }
  const Oid outer = circle_under_way;
  circle_under_way = batch->rank.circle;
  write_circle(batch);
  circle_under_way = outer;
}

// Whether anything is left for a later flush.
bool write_pending() {
  // A copy: what it is compared with lives no longer than one table takes.
  Batch last{};
  bool first = true;
  MemoryContext caller = CurrentMemoryContext;
  MemoryContext memory = nullptr;
  const List *entries;
  const Batch *batch = nullptr;
  while ((entries = pending_entries(0)) != NIL &&
         (batch = next_batch(batches_of(entries), first ? nullptr : &last)) != nullptr) {
    write_batch(batch);
    last = {batch->table, batch->rank, NIL};
    first = false;
    // Most flushes write one row, which is not worth a memory of its own.
    if (memory != nullptr)
      MemoryContextReset(memory);
    else if (list_length(entries) > 1)
      memory = AllocSetContextCreate(caller, "ratchet flush", ALLOCSET_DEFAULT_SIZES);
    if (memory != nullptr) MemoryContextSwitchTo(memory);
  }
  const bool any = without_stranded(entries) != NIL;
  MemoryContextSwitchTo(caller);
  if (memory != nullptr) MemoryContextDelete(memory);
  return any;
}

[[noreturn]] void error_rounds() {
  const List *entries = pending_entries(0);
  const char *table =
      entries == NIL ? "" : get_rel_name(static_cast<const Pending *>(linitial(entries))->key.counters->root);
  ereport(
      ERROR, errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
      errmsg("counts of relation \"%s\" led to new counts more than %d times", table, max_rounds),
      errhint(
          "Look for triggers of the table that write rows which are counted for it, and for rows that refer to each "
          "other in a circle."));
  pg_unreachable();
}

// At COMMIT nobody watches statement_timeout any more, and a flush may wait for rows, or have very many to write.
class StatementTimer {
 public:
  void start() {
    armed_ = StatementTimeout > 0 && MyBackendType == B_BACKEND && !get_timeout_active(STATEMENT_TIMEOUT);
    if (!armed_) return;
    const TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentStatementStartTimestamp(), StatementTimeout);
    if (GetCurrentTimestamp() >= end)
      ereport(ERROR, errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling statement due to statement timeout"));
    enable_timeout_at(STATEMENT_TIMEOUT, end);
  }
  void stop() const {
    if (armed_) disable_timeout(STATEMENT_TIMEOUT, false);
  }

 private:
  bool armed_;
};

// SET CONSTRAINTS "schema"."~ratchet_flush", ... IMMEDIATE, then DEFERRED: so that the events are spent,
// which would keep DDL and TRUNCATE away from their tables until COMMIT.
void spend_events() {
  List *names = NIL;
  ListCell *cell;
  for (const Oid oid : each_oid(armed_tables())) {
    Relation relation = try_relation_open(oid, AccessShareLock);
    if (relation == nullptr) continue;
    // Whoever may not look into the schema cannot name what is in it; his counts are written all the same.
    const Oid schema = RelationGetNamespace(relation);
    const Trigger *trigger = find_named(relation, flush_trigger_name);
    if (trigger != nullptr && may_use_schema(schema, GetUserId()))
      names = add_once(names, quote_qualified_identifier(get_namespace_name(schema), trigger->tgname));
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
  auto **rows = palloc_array<Pending *>(count);
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
    last->stranded += rows[i]->stranded;
    last->gone = last->gone || rows[i]->gone;
    for (int j = 0; j < counters->ncounters; ++j) {
      add_count(&last->deltas[j], rows[i]->deltas[j].count);
      last->deltas[j].sum = numeric_sum(last->deltas[j].sum, rows[i]->deltas[j].sum);
    }
  }
  return result;
}

void flush_pending(Oid fired, int flags) {
  if (!any_pending() && !any_due()) return;
  // Before anything is written: a row that is counted from here on needs an event of its own.
  if (OidIsValid(fired)) set_armed(fired, false);
  // A TRUNCATE that is under way has taken away what it is about to remove, and writes everything when it ends.
  if (is_truncating()) return;
  const int chain = take_chain();
  const int round = take_round();
  if (round > max_rounds) error_rounds();
  StatementTimer timer;
  timer.start();
  const int outer = set_running_round(round + 1);
  const Oid outer_circle = circle_under_way;
  PG_TRY();
  {
    const User caller = become(GetUserId(), flags);
    const bool any = write_pending();
    restore(caller);
    // What was counted meanwhile and is written leads to nothing.
    if (!any) take_round();
    set_running_round(outer);
    // One that a trigger of a parent has brought about leaves the calls to the flush that updates the parent.
    if (outer == 0) complete(list_due(), chain, flags);
  }
  PG_FINALLY();
  {
    set_running_round(outer);
    circle_under_way = outer_circle;
    timer.stop();
  }
  PG_END_TRY();
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_flush_counters) {
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.flush_counters", TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER, "AFTER FOR EACH ROW", 0);
  ratchet::flush_pending(RelationGetRelid(trigger->tg_relation));
  return PointerGetDatum(nullptr);
}

RATCHET_FUNCTION(ratchet_flush_now) {
  if (!ratchet::any_pending()) ratchet::notice_flushed_elsewhere();
  ratchet::spend_events();
  // What was counted while events wait in the list of a statement that has not ended yet.
  ratchet::flush_pending(InvalidOid);
  PG_RETURN_VOID();
}
