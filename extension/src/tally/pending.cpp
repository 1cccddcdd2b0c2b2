#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/numeric.h"
}

#include <algorithm>

#include "contract/errors.h"
#include "pg/fence.h"
#include "pg/memory.h"
#include "tally/level.h"
#include "tally/pending.h"

namespace ratchet {

namespace {

struct Armed {
  Oid relation;  // hash key, must be first
  bool armed;
};

struct Level : LevelHead<Level> {
  static constexpr const char *memory_name = "ratchet pending counts";
  Pending *only;  // an entry made when there was no other outside of `more`; nullptr: none
  HTAB *more;     // PendingKey -> Pending, of all others; nullptr: none
  Armed first;    // the table that was armed or disarmed first; InvalidOid: none
  HTAB *tables;   // Oid -> Armed, of all others; nullptr: none
  Pending *last;  // found last; nullptr: none
};

// Goes through a level's entries, to the end.
struct EntryScan {
  Pending *only;
  bool has_more;
  HASH_SEQ_STATUS more;
};

Level *top;            // in TopTransactionContext
uint64 serial = 1;     // see pending_serial()
int chain;             // of what is pending, see take_chain()
int running;           // see running_chain()
int round;             // of what is pending, see take_round()
int running_round;     // see set_running_round()
bool watched;          // see watch_entries()
bool any_is_stranded;  // see any_stranded()

// The table that was found armed last; InvalidOid when that may have changed.
Oid last_armed;

uint32 hash_key(const Counters *counters, const Datum *values) {
  uint32 hash = 0;
  for (int i = 0; i < counters->nkey; ++i) {
    KeyColumn &column = counters->key[i];
    if (!column.hashable) continue;
    hash = hash_combine(hash, DatumGetUInt32(FunctionCall1Coll(&column.hash, column.collation, values[i])));
  }
  return hash;
}

uint32 hash_of_key(const void *key, Size) { return static_cast<const PendingKey *>(key)->hash; }

int match_keys(const void *a, const void *b, Size) {
  const auto *left = static_cast<const PendingKey *>(a);
  const auto *right = static_cast<const PendingKey *>(b);
  return left->counters == right->counters && left->hash == right->hash &&
                 same_key(left->counters, left->values, right->values)
             ? 0
             : 1;
}

HTAB *more_of(Level *level) {
  if (level->more == nullptr) level->more = make_key_table(Level::memory_name, sizeof(Pending), level->memory);
  return level->more;
}

Pending *find_entry(const Level *level, const PendingKey &key) {
  if (level->only != nullptr && match_keys(&level->only->key, &key, sizeof(PendingKey)) == 0) return level->only;
  if (level->more == nullptr) return nullptr;
  return static_cast<Pending *>(hash_search(level->more, &key, HASH_FIND, nullptr));
}

// Most transactions count for one row, and making a hash table costs more than counting.
Pending *make_entry(Level *level, const PendingKey &key) {
  if (level->only != nullptr) return static_cast<Pending *>(hash_search(more_of(level), &key, HASH_ENTER, nullptr));
  auto *entry = static_cast<Pending *>(MemoryContextAlloc(level->memory, sizeof(Pending)));
  entry->key = key;
  level->only = entry;
  return entry;
}

Pending *find_or_make(Level *level, const PendingKey &key) {
  if (Pending *entry = find_entry(level, key)) return entry;
  // The key's copy first: what is in the table must never point at the caller's values.
  MemoryContext caller = MemoryContextSwitchTo(level->memory);
  const PendingKey own = copy_key(key);
  auto *deltas = palloc0_array<Delta>(key.counters->ncounters);
  MemoryContextSwitchTo(caller);
  Pending *entry = make_entry(level, own);
  entry->rows = 0;
  entry->serial = 0;
  entry->stranded = 0;
  entry->gone = false;
  entry->deltas = deltas;
  return entry;
}

EntryScan scan_entries(const Level *level) {
  EntryScan scan;
  scan.only = level->only;
  scan.has_more = level->more != nullptr;
  if (scan.has_more) hash_seq_init(&scan.more, level->more);
  return scan;
}

Pending *next_entry(EntryScan *scan) {
  if (Pending *only = scan->only) {
    scan->only = nullptr;
    return only;
  }
  return scan->has_more ? static_cast<Pending *>(hash_seq_search(&scan->more)) : nullptr;
}

[[noreturn]] void error_out_of_range() {
  ereport(ERROR, errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("count out of range"));
  pg_unreachable();
}

int64 sum_of(int64 a, int64 b) {
  int64 result;
  if (pg_add_s64_overflow(a, b, &result)) error_out_of_range();
  return result;
}

Datum copy_numeric(Datum value, MemoryContext memory) {
  if (value == 0) return 0;
  MemoryContext caller = MemoryContextSwitchTo(memory);
  const Datum copy = datumCopy(value, false, -1);
  MemoryContextSwitchTo(caller);
  return copy;
}

void free_key(const PendingKey &key) {
  for (int i = 0; i < key.counters->nkey; ++i)
    if (!key.counters->key[i].typbyval) pfree(DatumGetPointer(key.values[i]));
  pfree(const_cast<Datum *>(key.values));
}

void free_deltas(const Counters *counters, Delta *deltas) {
  for (int i = 0; i < counters->ncounters; ++i)
    if (deltas[i].sum != 0) pfree(DatumGetPointer(deltas[i].sum));
  pfree(deltas);
}

HTAB *find_tables(Level *level) {
  if (level->tables == nullptr) {
    HASHCTL control{};
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(Armed);
    control.hcxt = level->memory;
    level->tables = hash_create("ratchet armed tables", 8, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  }
  return level->tables;
}

void arm_in(Level *level, Oid relation, bool armed) {
  if (!OidIsValid(level->first.relation) || level->first.relation == relation) {
    level->first = {relation, armed};
    return;
  }
  bool found;
  static_cast<Armed *>(hash_search(find_tables(level), &relation, HASH_ENTER, &found))->armed = armed;
}

// What a level says of a table; nullptr: nothing.
const Armed *armed_in(const Level *level, Oid relation) {
  if (level->first.relation == relation) return &level->first;
  if (level->tables == nullptr) return nullptr;
  return static_cast<const Armed *>(hash_search(level->tables, &relation, HASH_FIND, nullptr));
}

// An entry of the upper level and what becomes of the lower one's.
struct Merger {
  Pending *into;
  int64 rows;
  uint64 serial;
  int stranded;
  bool gone;
  Delta *deltas;
};

// Hands the top level's counts to the one below, which belongs to the same
// subtransaction. Everything that can fail is done before anything changes.
void merge_top() {
  Level *upper = top;
  Level *lower = upper->outer;
  const long most = 1 + (upper->more != nullptr ? hash_get_num_entries(upper->more) : 0);
  auto *mergers = static_cast<Merger *>(MemoryContextAllocHuge(upper->memory, sizeof(Merger) * most));
  long count = 0;
  EntryScan scan = scan_entries(upper);
  while (const Pending *entry = next_entry(&scan)) {
    Merger &merger = mergers[count++];
    merger.into = find_or_make(lower, entry->key);
    merger.rows = merger.into->rows + entry->rows;
    merger.serial = std::max(merger.into->serial, entry->serial);
    merger.stranded = merger.into->stranded + entry->stranded;
    merger.gone = entry->gone;
    const int ncounters = entry->key.counters->ncounters;
    merger.deltas = static_cast<Delta *>(MemoryContextAlloc(lower->memory, sizeof(Delta) * ncounters));
    for (int i = 0; i < ncounters; ++i) {
      merger.deltas[i].count = sum_of(merger.into->deltas[i].count, entry->deltas[i].count);
      merger.deltas[i].sum = copy_numeric(numeric_sum(merger.into->deltas[i].sum, entry->deltas[i].sum), lower->memory);
    }
  }
  // The upper level is asked first, so setting the same below changes no answer.
  if (OidIsValid(upper->first.relation)) arm_in(lower, upper->first.relation, upper->first.armed);
  if (upper->tables != nullptr) {
    HASH_SEQ_STATUS tables;
    hash_seq_init(&tables, upper->tables);
    while (const auto *table = static_cast<const Armed *>(hash_seq_search(&tables)))
      arm_in(lower, table->relation, table->armed);
  }

  for (long i = 0; i < count; ++i) {
    mergers[i].into->rows = mergers[i].rows;
    mergers[i].into->serial = mergers[i].serial;
    mergers[i].into->stranded = mergers[i].stranded;
    mergers[i].into->gone = mergers[i].into->gone || mergers[i].gone;
    free_deltas(mergers[i].into->key.counters, mergers[i].into->deltas);
    mergers[i].into->deltas = mergers[i].deltas;
  }
  top = lower;
  MemoryContextDelete(upper->memory);
}

Level *current_level() { return top = find_current_level(top, merge_top); }

bool is_zero(const Pending *entry) {
  for (int i = 0; i < entry->key.counters->ncounters; ++i) {
    const Delta &delta = entry->deltas[i];
    if (delta.count != 0) return false;
    if (delta.sum != 0 &&
        !DatumGetBool(DirectFunctionCall2(numeric_eq, delta.sum, NumericGetDatum(int64_to_numeric(0)))))
      return false;
  }
  return true;
}

// In the caller's memory: maps are merged and entries removed while a flush is under way.
Pending *deep_copy(const Pending *entry) {
  const Counters *counters = entry->key.counters;
  auto *copy = palloc_object<Pending>();
  *copy = *entry;
  copy->key = copy_key(entry->key);
  copy->deltas = palloc_array<Delta>(counters->ncounters);
  for (int i = 0; i < counters->ncounters; ++i)
    copy->deltas[i] = {entry->deltas[i].count, copy_numeric(entry->deltas[i].sum, CurrentMemoryContext)};
  return copy;
}

// Where there is no other level, nothing is left of an entry that is booked out.
void remove_entry(Level *level, const PendingKey &key) {
  level->last = nullptr;
  Pending *entry = find_entry(level, key);
  if (entry == nullptr) return;
  // The hash table compares keys, so these go last.
  const PendingKey own = entry->key;
  Delta *deltas = entry->deltas;
  if (entry == level->only) {
    pfree(entry);
    level->only = nullptr;
  } else {
    hash_search(level->more, &key, HASH_REMOVE, nullptr);
  }
  free_key(own);
  free_deltas(own.counters, deltas);
}

}  // namespace

// Nothing may be left when the transaction can no longer be stopped. A flush
// here is no remedy: deferred triggers and constraints that it would queue are
// never fired.
void check_written() {
  bool unwritten = false;
  ListCell *cell;
  foreach (cell, pending_entries(0)) unwritten = unwritten || static_cast<const Pending *>(lfirst(cell))->stranded <= 0;
  if (!unwritten) return;
  ereport(ERROR, errcode(sqlstate_unenforceable), errmsg("counts of this transaction have not been written"),
          errdetail("Their flush trigger did not fire."),
          errhint("Call ratchet.flush() before COMMIT, and look at ratchet.health()."));
}

void forget_pending() {
  // The memory goes with the transaction.
  top = nullptr;
  last_armed = InvalidOid;
  chain = running = 0;
  round = running_round = 0;
  watched = any_is_stranded = false;
}

// Must not fail; the maps are merged when the next entry is looked up.
void release_pending() {
  last_armed = InvalidOid;
  release_levels(top);
}

void drop_pending() {
  last_armed = InvalidOid;
  watched = false;
  top = drop_levels(top);
}

HTAB *make_key_table(const char *name, Size entrysize, MemoryContext memory) {
  HASHCTL control{};
  control.keysize = sizeof(PendingKey);
  control.entrysize = entrysize;
  control.hash = fenced<hash_of_key>;
  control.match = fenced<match_keys>;
  control.hcxt = memory;
  return hash_create(name, 16, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

PendingKey key_of(const Counters *counters, const Datum *values) {
  return {counters, hash_key(counters, values), values};
}

PendingKey copy_key(const PendingKey &key) {
  const Counters *counters = key.counters;
  auto *values = palloc_array<Datum>(counters->nkey);
  for (int i = 0; i < counters->nkey; ++i)
    values[i] = datumCopy(key.values[i], counters->key[i].typbyval, counters->key[i].typlen);
  return {counters, key.hash, values};
}

bool same_key(const Counters *counters, const Datum *a, const Datum *b) {
  for (int i = 0; i < counters->nkey; ++i) {
    KeyColumn &column = counters->key[i];
    if (!DatumGetBool(FunctionCall2Coll(&column.equal, column.collation, a[i], b[i]))) return false;
  }
  return true;
}

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

Pending *pending_entry(const Counters *counters, const Datum *key) {
  Level *level = current_level();
  Pending *entry = level->last;
  // Rows of one parent come together.
  if (entry == nullptr || entry->key.counters != counters || !same_key(counters, entry->key.values, key))
    entry = level->last = find_or_make(level, key_of(counters, key));
  entry->serial = ++serial;
  join_chain();
  round = std::max(round, running_round);
  return entry;
}

void note_row_gone(const Counters *counters, const Datum *key) { pending_entry(counters, key)->gone = true; }

bool is_row_gone(const Counters *counters, const Datum *key) {
  if (top == nullptr) return false;
  const PendingKey wanted = key_of(counters, key);
  for (const Level *level = top; level != nullptr; level = level->outer) {
    const Pending *entry = find_entry(level, wanted);
    if (entry != nullptr && entry->gone) return true;
  }
  return false;
}

Datum numeric_sum(Datum a, Datum b) {
  if (a == 0) return b;
  return b == 0 ? a : DirectFunctionCall2(numeric_add, a, b);
}

Datum numeric_of(const Delta &delta) { return numeric_sum(NumericGetDatum(int64_to_numeric(delta.count)), delta.sum); }

void add_count(Delta *delta, int64 count, int sign) {
  if (sign > 0)
    delta->count = sum_of(delta->count, count);
  else if (pg_sub_s64_overflow(delta->count, count, &delta->count))
    error_out_of_range();
}

void add_sum(Delta *delta, Datum numeric) {
  const Datum before = delta->sum;
  delta->sum = copy_numeric(numeric_sum(before, numeric), top->memory);
  if (before != 0) pfree(DatumGetPointer(before));
}

uint64 pending_serial() { return serial; }

bool watch_entries(bool on) {
  const bool before = watched;
  watched = on;
  return before;
}

bool any_pending() { return top != nullptr; }

List *pending_entries(uint64 touched_since) {
  // The levels' sum is made in a map of its own, in the caller's memory.
  List *found = NIL;
  if (top == nullptr) return found;
  Level *sum = top;
  if (top->outer != nullptr) {
    sum = new_level<Level>(0, nullptr);
    MemoryContextSetParent(sum->memory, CurrentMemoryContext);
    for (const Level *level = top; level != nullptr; level = level->outer) {
      EntryScan scan = scan_entries(level);
      while (const Pending *entry = next_entry(&scan)) {
        Pending *into = find_or_make(sum, entry->key);
        into->rows += entry->rows;
        into->serial = std::max(into->serial, entry->serial);
        into->stranded += entry->stranded;
        into->gone = into->gone || entry->gone;
        for (int i = 0; i < entry->key.counters->ncounters; ++i) {
          into->deltas[i].count = sum_of(into->deltas[i].count, entry->deltas[i].count);
          into->deltas[i].sum = numeric_sum(into->deltas[i].sum, entry->deltas[i].sum);
        }
      }
    }
  }
  EntryScan scan = scan_entries(sum);
  while (const Pending *entry = next_entry(&scan)) {
    if (touched_since == 0 ? is_zero(entry) : entry->serial <= touched_since) continue;
    found = lappend(found, deep_copy(entry));
  }
  return found;
}

void book_out(const Pending *entry) {
  Level *level = current_level();
  if (level->outer == nullptr && !watched) {
    remove_entry(level, entry->key);
    return;
  }
  Pending *booked = find_or_make(level, entry->key);
  const int ncounters = entry->key.counters->ncounters;
  for (int i = 0; i < ncounters; ++i) {
    add_count(&booked->deltas[i], entry->deltas[i].count, -1);
    if (entry->deltas[i].sum != 0)
      add_sum(&booked->deltas[i], DirectFunctionCall1(numeric_uminus, entry->deltas[i].sum));
  }
  booked->rows -= entry->rows;
  booked->stranded -= entry->stranded;
}

void keep_stranded(const Pending *entry) {
  Level *level = current_level();
  Pending *kept = find_or_make(level, entry->key);
  for (int i = 0; i < entry->key.counters->ncounters; ++i) {
    add_count(&kept->deltas[i], entry->deltas[i].count);
    if (entry->deltas[i].sum != 0) add_sum(&kept->deltas[i], entry->deltas[i].sum);
  }
  kept->rows += entry->rows;
  ++kept->stranded;
  kept->gone = kept->gone || entry->gone;
  any_is_stranded = true;
}

bool any_stranded() { return any_is_stranded; }

bool is_armed(Oid relation) {
  if (OidIsValid(relation) && relation == last_armed) return true;
  for (const Level *level = top; level != nullptr; level = level->outer) {
    const Armed *table = armed_in(level, relation);
    if (table == nullptr) continue;
    if (table->armed) last_armed = relation;
    return table->armed;
  }
  return false;
}

void set_armed(Oid relation, bool armed) {
  arm_in(current_level(), relation, armed);
  last_armed = InvalidOid;
}

List *armed_tables() {
  List *found = NIL;
  for (const Level *level = top; level != nullptr; level = level->outer) {
    if (OidIsValid(level->first.relation)) found = list_append_unique_oid(found, level->first.relation);
    if (level->tables == nullptr) continue;
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, level->tables);
    while (const auto *table = static_cast<const Armed *>(hash_seq_search(&scan)))
      found = list_append_unique_oid(found, table->relation);
  }
  // An inner level may say otherwise.
  ListCell *cell;
  foreach (cell, found)
    if (!is_armed(lfirst_oid(cell))) found = foreach_delete_current(found, cell);
  return found;
}

void join_chain() { chain = std::max(chain, running); }

int take_chain() {
  const int length = chain;
  chain = 0;
  return length;
}

void set_running_chain(int length) { running = length; }

int running_chain() { return running; }

int take_round() {
  const int taken = round;
  round = 0;
  return taken;
}

int set_running_round(int next) {
  const int before = running_round;
  running_round = next;
  return before;
}

}  // namespace ratchet
