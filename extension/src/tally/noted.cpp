#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"
}

#include "contract/errors.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/row_value.h"
#include "tally/flush.h"
#include "tally/level.h"
#include "tally/noted.h"
#include "tally/pending.h"

namespace ratchet {

namespace {

// The contract may be built anew within a transaction, for any reason; so a completion is told by its column, and a row
// by the value of its key.
struct NoteKey {
  PendingKey row;   // its counters are those of the topmost table
  AttrNumber done;  // of the topmost table
};

struct Note {
  NoteKey key;    // hash key, must be first
  bool was;       // complete before the transaction, or called for since
  bool is;        // complete now
  uint64 serial;  // grows with each note that says so; valid only if is
};

struct Level : LevelHead<Level> {
  static constexpr const char *memory_name = "ratchet notes";
  HTAB *notes;  // NoteKey -> Note
  List *due;    // Note *: those that were due when they were made, in that order
};

Level *top;     // in TopTransactionContext; nullptr: nothing is noted
uint64 serial;  // see Note

uint32 hash_note(const void *key, Size) {
  const auto *note = static_cast<const NoteKey *>(key);
  return hash_combine(note->row.hash, static_cast<uint32>(note->done));
}

int match_notes(const void *a, const void *b, Size) {
  const auto *left = static_cast<const NoteKey *>(a);
  const auto *right = static_cast<const NoteKey *>(b);
  const Counters *counters = left->row.counters;
  const bool same = left->done == right->done && left->row.hash == right->row.hash &&
                    counters->root == right->row.counters->root &&
                    (counters == right->row.counters || has_same_key(counters, right->row.counters)) &&
                    same_key(counters, left->row.values, right->row.values);
  return same ? 0 : 1;
}

HTAB *make_notes(MemoryContext memory) {
  HASHCTL control{};
  control.keysize = sizeof(NoteKey);
  control.entrysize = sizeof(Note);
  control.hash = fenced<hash_note>;
  control.match = fenced<match_notes>;
  control.hcxt = memory;
  return hash_create(Level::memory_name, 16, &control, HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

// The newest note of this; nullptr: there is none.
Note *find_note(const NoteKey &key) {
  for (const Level *level = top; level != nullptr; level = level->outer)
    if (void *found = hash_search(level->notes, &key, HASH_FIND, nullptr)) return static_cast<Note *>(found);
  return nullptr;
}

Note *find_or_make(Level *level, const NoteKey &key) {
  if (void *found = hash_search(level->notes, &key, HASH_FIND, nullptr)) return static_cast<Note *>(found);
  // The key's copy first: what is in the table must never point at the caller's values.
  MemoryContext caller = MemoryContextSwitchTo(level->memory);
  const NoteKey own{copy_key(key.row), key.done};
  MemoryContextSwitchTo(caller);
  return static_cast<Note *>(hash_search(level->notes, &own, HASH_ENTER, nullptr));
}

bool is_due(const Note *note) { return note->is && !note->was; }

void write_note(Level *level, const NoteKey &key, bool was, bool is, uint64 at) {
  MemoryContext caller = MemoryContextSwitchTo(level->memory);
  Note *note = find_or_make(level, key);
  note->was = was;
  note->is = is;
  note->serial = at;
  if (is_due(note)) level->due = lappend(level->due, note);
  MemoryContextSwitchTo(caller);
}

// Hands the top level's notes to the one below, which belongs to the same subtransaction.
void merge_top() {
  const Level *upper = top;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, upper->notes);
  while (const auto *note = static_cast<const Note *>(hash_seq_search(&scan)))
    write_note(upper->outer, note->key, note->was, note->is, note->serial);
  top = upper->outer;
  MemoryContextDelete(upper->memory);
}

Level *current_level() {
  Level *level = find_current_level(top, merge_top);
  if (level->notes == nullptr) level->notes = make_notes(level->memory);
  return top = level;
}

// The note of a table's row, in terms of the topmost table; false: the row has no key.
bool find_key(const Counters *counters, int place, TupleTableSlot *row, NoteKey *key) {
  auto *values = palloc_array<Datum>(counters->nkey);
  for (int i = 0; i < counters->nkey; ++i) {
    const Value value = value_of(row, counters->key[i].attnum);
    if (value.isnull) return false;
    values[i] = value.datum;
  }
  const Counters *root = counters;
  AttrNumber done = counters->completions[place].done;
  if (counters->relation != counters->root) {
    root = current_counters(counters->root, AccessShareLock);
    done = get_attnum(counters->root, counters->completions[place].terms->done);
  }
  *key = {key_of(root, values), done};
  return true;
}

int place_of(const Counters *counters, AttrNumber done) {
  for (int i = 0; i < counters->ncompletions; ++i)
    if (counters->completions[i].done == done) return i;
  return -1;
}

int compare_serials(const ListCell *a, const ListCell *b) {
  const auto *left = static_cast<const Note *>(lfirst(a));
  const auto *right = static_cast<const Note *>(lfirst(b));
  return left->serial < right->serial ? -1 : left->serial > right->serial ? 1 : 0;
}

// The notes that are due, in any order; one may be there twice.
List *due_notes() {
  List *found = NIL;
  for (const Level *level = top; level != nullptr; level = level->outer)
    // An inner level may say otherwise.
    for (auto *note : each<Note>(level->due))
      if (is_due(note) && find_note(note->key) == note) found = lappend(found, note);
  return found;
}

}  // namespace

void note_completion(const Counters *counters, int place, TupleTableSlot *row, bool was, bool is) {
  NoteKey key;
  if (!find_key(counters, place, row, &key)) return;
  const Note *before = find_note(key);
  if (before == nullptr && was == is) return;
  join_chain();
  const bool first = before == nullptr ? was : before->was;
  const uint64 at = before != nullptr && before->is && is ? before->serial : ++serial;
  write_note(current_level(), key, first, is, at);
}

bool any_due() {
  for (const Level *level = top; level != nullptr; level = level->outer)
    if (level->due != NIL) return true;
  return false;
}

List *list_due() {
  if (!any_due()) return NIL;
  Level *level = current_level();
  List *notes = due_notes();
  list_sort(notes, compare_serials);
  List *due = NIL;
  for (const auto *note : each<Note>(notes)) {
    auto *one = palloc_object<Due>();
    *one = {copy_key(note->key.row), note->key.done, note->serial};
    due = lappend(due, one);
  }
  // Who has listed it calls. What a rollback to a savepoint makes due again is an outer level's.
  level->due = NIL;
  return due;
}

bool take_due(const Due *due, Completed *completed) {
  const NoteKey key{due->row, due->done};
  const Note *note = find_note(key);
  // Undone since, by a function that was called first; what was done again after that has a flush of its own to come.
  if (note == nullptr || !is_due(note) || note->serial != due->serial) return false;
  write_note(current_level(), key, true, true, due->serial);
  const Counters *counters = due->row.counters;
  if (!counters->valid) {
    Relation root = table_open(counters->root, AccessShareLock);
    counters = find_counters(root);
    table_close(root, NoLock);
  }
  // The transaction itself may have taken it out of the contract.
  if (counters == nullptr || !has_same_key(due->row.counters, counters)) return false;
  *completed = {counters, place_of(counters, due->done), due->row.values};
  return completed->place >= 0;
}

void check_called() {
  if (!any_due()) return;
  const List *due = due_notes();
  if (due == NIL) return;
  const Counters *counters = static_cast<const Note *>(linitial(due))->key.row.counters;
  ereport(ERROR, errcode(sqlstate_unenforceable),
          errmsg("a row of \"%s\" was completed and nobody called", get_rel_name(counters->root)),
          errdetail("Its flush trigger did not fire."),
          errhint("Call ratchet.flush() before COMMIT, and look at ratchet.health()."));
}

void forget_noted() {
  // The memory goes with the transaction.
  top = nullptr;
}

// Must not fail; the notes are merged when the next one is made.
void release_noted() { release_levels(top); }

void drop_noted() { top = drop_levels(top); }

}  // namespace ratchet
