// contract/trigger_cache.h: ratchet's triggers, what is derived from them, and how it is kept.
//
// A relation's trigger list belongs to its relcache entry. Anything that looks at a
// catalog can accept an invalidation and rebuild the entry, which frees the list. So no
// file but contract/trigger_cache.cpp reads the list, and what it gives away is a copy in the caller's memory.
//
// The cache is keyed by trigger OID, because a contract's arguments belong to
// the trigger, and its entries are resolved by column name for the trigger's
// own relation, because partitions number their attributes differently. A
// relcache invalidation only marks an entry: its owner may be further up the
// stack. A marked entry is rebuilt at its next use, and its old memory is
// freed when the transaction has ended and nobody can hold it any more.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// The names of ratchet's triggers, which decide when they fire.
inline constexpr const char *guard_trigger_name = "~ratchet_guard";
inline constexpr const char *insert_trigger_name = "~ratchet_guard_insert";
inline constexpr const char *delete_trigger_name = "~ratchet_guard_delete";
inline constexpr const char *guard_truncate_trigger_name = "~ratchet_guard_truncate";
inline constexpr const char *child_trigger_prefix = "!ratchet_tally_";
inline constexpr const char *flush_trigger_name = "~ratchet_flush";
inline constexpr const char *truncate_trigger_name = "~ratchet_truncate";
inline constexpr const char *truncating_trigger_name = "~ratchet_truncating";
inline constexpr const char *parent_trigger_name = "~ratchet_counters";
inline constexpr const char *gone_trigger_name = "!ratchet_gone";
inline constexpr const char *completion_trigger_name = "~ratchet_completion";
inline constexpr const char *spilled_trigger_name = "~ratchet_spilled";
inline constexpr const char *attempts_trigger_name = "~ratchet_attempts";
inline constexpr const char *attempts_truncate_trigger_name = "~ratchet_attempts_truncate";

// Ratchet's trigger functions.
enum class TriggerKind : unsigned char {
  guard,       // guard_row: a guard contract
  born,        // guard_insert: its insert => 'reject'
  deletion,    // guard_delete: its delete => 'reject'
  truncation,  // guard_truncate: the same of TRUNCATE
  child,       // count_row: a tally, on the child
  flush,       // flush_counters: on the child, writes what is pending
  truncate,    // count_truncate: on the child
  parent,      // keep_counters: a parent's counters
  completion,  // complete_row: on the parent
  gone,        // count_gone: on the parent, what a deleted row had
  spilled,     // keep_spilled: on the table of a parent's spilled counts
  attempts,    // keep_attempts: on the table of attempts at a guarded table's rows
  none         // another's
};

// What every cached object begins with.
struct Cached {
  Oid trigger;
  TriggerKind kind;  // what the trigger was when this was built; CREATE OR REPLACE TRIGGER keeps the OID
  Oid relation;
  Oid other;  // another relation that it was built from; InvalidOid: none
  MemoryContext context;
  bool valid;        // cleared by invalidation; read only when the object is looked up
  List *statements;  // Statement *, its plans; in context
};

void init_cache();
// When the transaction has ended and nobody can hold an object of it.
void free_retired_contracts();

// Builds the object of a trigger in the current memory context, palloc'ed; the
// cache fills in what Cached has.
using Build = Cached *(*)(Relation relation, const Trigger *trigger);

// The object of a trigger on this relation, built or rebuilt as needed.
Cached *cached(Relation relation, const Trigger *trigger, TriggerKind kind, Build build);

// The relation's only trigger of a kind, and its object.
struct CachedTrigger {
  bool exists;
  Cached *object;  // nullptr: there is none, or it does not fire in this session
};

// The same as find_trigger() and cached(), without a copy of the trigger where its object is there already.
CachedTrigger find_cached(Relation relation, TriggerKind kind, Build build);

// Grows with every relcache invalidation that this backend has seen; what was
// derived from catalogs at one value holds while the value stays.
uint64 cache_generation();

// A commit can be seen a moment before its invalidations are sent. So a name that was read and cannot be resolved is
// looked up again after 1, 2, 4, 8 and 16 ms, before that is an error. false: the waits are over.
bool await_invalidations(int waits);

// A function of the schema ratchet that takes no arguments; InvalidOid: there is none.
Oid find_own_function(const char *name);

// The OID of a trigger function; InvalidOid while the extension is absent.
Oid find_trigger_function(TriggerKind kind);

// The kind of a trigger function; TriggerKind::none when it is none of ratchet's.
TriggerKind find_trigger_kind(Oid function);

// A copy of one of a relation's triggers.
struct OwnTrigger {
  TriggerKind kind;  // TriggerKind::none: it is none of ratchet's
  const Trigger *trigger;
};

// Copies of all triggers of a relation, in the order in which they fire.
struct OwnTriggers {
  int count;
  const OwnTrigger *items;

  const OwnTrigger *begin() const { return items; }
  const OwnTrigger *end() const { return items + count; }
};

OwnTriggers copy_triggers(Relation relation);

// Copies of some of a relation's triggers, in the order in which they fire.
struct Triggers {
  int count;
  const Trigger *const *items;

  const Trigger *const *begin() const { return items; }
  const Trigger *const *end() const { return items + count; }
};

// Those of this kind.
Triggers find_triggers(Relation relation, TriggerKind kind);

// A copy of the relation's only trigger of this kind, or of the first; nullptr: there is none.
const Trigger *find_trigger(Relation relation, TriggerKind kind);

// The same without what its pointers lead to (name, arguments, columns, condition), which are NULL; false: there is
// none.
bool find_trigger_facts(Relation relation, TriggerKind kind, Trigger *facts);

// Whether a trigger of the relation has this name. Citus appends to the name of a shard's trigger what it has appended
// to the shard's own; a clone of the trigger has that name too.
bool is_called(Relation relation, const Trigger &trigger, const char *name);

// What Citus has appended to the names of a shard's contract triggers, for more of them; "": the relation is no shard
// that has any.
const char *find_shard_suffix(Relation relation);

// A copy of a trigger by its name, whosoever it is.
const Trigger *find_named(Relation relation, const char *name);

// Whether the relation has any trigger that fires before rows are inserted.
bool fires_before_insert(Relation relation);

// Whether a trigger fires in this session, and in ordinary ones (whatever
// session_replication_role is now).
bool fires_now(const Trigger &trigger);
bool fires_ordinarily(const Trigger &trigger);

}  // namespace ratchet
