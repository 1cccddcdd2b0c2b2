#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/syscache.h"
}

#include "contract/core_copy.h"
#include "contract/statement.h"
#include "contract/trigger_cache.h"
#include "pg/fence.h"
#include "pg/memory.h"

namespace ratchet {

namespace {

struct Entry {
  Oid trigger;  // hash key, must be first
  Cached *object;
};

constexpr int trigger_kind_count = static_cast<int>(TriggerKind::none);
constexpr const char *function_names[trigger_kind_count] = {
    "guard_row",      "guard_insert",  "guard_delete", "guard_truncate", "count_row",    "flush_counters",
    "count_truncate", "keep_counters", "complete_row", "count_gone",     "keep_spilled", "keep_attempts"};

HTAB *entries;                      // trigger OID -> Entry, in CacheMemoryContext
Entry *last_found;                  // one of them; nullptr: none
List *retired;                      // Cached *, replaced and freed after the transaction
uint64 generation = 1;              // see cache_generation()
Oid functions[trigger_kind_count];  // valid only if functions_known
bool any_invalid;                   // some entry's object is marked
bool functions_known;               // cleared when pg_proc or a schema changes
uint64 function_generation;         // counts those changes

void forget_relation(Datum, Oid relation) {
  ++generation;
  if (entries == nullptr) return;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, entries);
  while (auto *entry = static_cast<Entry *>(hash_seq_search(&scan))) {
    Cached *object = entry->object;
    if (object == nullptr) continue;
    forget_statements(object->statements, relation);
    if (relation == InvalidOid || object->relation == relation || object->other == relation) {
      object->valid = false;
      any_invalid = true;
    }
  }
}

// What a condition calls may be inlined in the plan of its expression.
void forget_functions(Datum, int, uint32) {
  ++function_generation;
  functions_known = false;
  forget_relation(Datum(0), InvalidOid);
}

// Schemas and operators are named in cached statements, and renaming them
// invalidates no relation.
void forget_names(Datum, int, uint32) { forget_functions(Datum(0), 0, 0); }

// At the end of a transaction, when nobody holds it any more.
void free_object(Cached *object) {
  retire_statements(object->statements);
  MemoryContextDelete(object->context);
}

// Marked objects go as well: many are of tables that exist no more.
void drop_invalid() {
  if (!any_invalid) return;
  any_invalid = false;
  last_found = nullptr;
  HASH_SEQ_STATUS scan;
  hash_seq_init(&scan, entries);
  while (auto *entry = static_cast<Entry *>(hash_seq_search(&scan))) {
    if (entry->object != nullptr && entry->object->valid) continue;
    if (entry->object != nullptr) free_object(entry->object);
    hash_search(entries, &entry->trigger, HASH_REMOVE, nullptr);
  }
}

void know_functions() {
  if (functions_known) return;
  // Known only once the lookups have succeeded, and unless an invalidation arrived among them.
  const uint64 looked_at = function_generation;
  Oid found[trigger_kind_count];
  for (int i = 0; i < trigger_kind_count; ++i) found[i] = find_own_function(function_names[i]);
  memcpy(functions, found, sizeof(functions));
  functions_known = function_generation == looked_at;
}

// The trigger functions as they are now: a value, so that a loop over a trigger list asks no catalog.
struct TriggerKinds {
  Oid functions[trigger_kind_count];

  TriggerKind of(Oid function) const {
    for (int i = 0; OidIsValid(function) && i < trigger_kind_count; ++i)
      if (functions[i] == function) return static_cast<TriggerKind>(i);
    return TriggerKind::none;
  }
};

TriggerKinds known_trigger_kinds() {
  know_functions();
  TriggerKinds kinds;
  memcpy(kinds.functions, functions, sizeof(functions));
  return kinds;
}

const Trigger *copy_of(Trigger *trigger) {
  TriggerDesc only{};
  only.triggers = trigger;
  only.numtriggers = 1;
  return CopyTriggerDesc(&only)->triggers;
}

// The first trigger of the relcache's own list that `is` says yes to. Nothing may be looked up before it is copied.
template <typename Is>
Trigger *peek(Relation relation, Is &&is) {
  const TriggerDesc *triggers = relation->trigdesc;
  for (int i = 0; triggers != nullptr && i < triggers->numtriggers; ++i)
    if (is(triggers->triggers[i])) return &triggers->triggers[i];
  return nullptr;
}

Trigger *peek(Relation relation, TriggerKind kind) {
  const Oid function = find_trigger_function(kind);
  return peek(relation, [&](const Trigger &trigger) { return OidIsValid(function) && trigger.tgfoid == function; });
}

// The trigger as the relation has it now; nullptr: it has gone.
const Trigger *copy_current(Relation relation, const Trigger *trigger) {
  Trigger *now = peek(relation, [&](const Trigger &one) { return one.tgoid == trigger->tgoid; });
  return now == nullptr ? nullptr : copy_of(now);
}

Cached *build_whole(Relation relation, const Trigger *trigger, TriggerKind kind, Build build) {
  // A context of the caller's until the object is whole: an error on the way leaves nothing behind.
  MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "ratchet contract", ALLOCSET_SMALL_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(context);
  Cached *object = build(relation, trigger);
  object->trigger = trigger->tgoid;
  object->kind = kind;
  object->relation = RelationGetRelid(relation);
  object->context = context;
  MemoryContextSwitchTo(caller);
  return object;
}

// Rows of one table come together.
Entry *find_entry(Oid trigger) {
  if (last_found != nullptr && last_found->trigger == trigger) return last_found;
  if (entries == nullptr) {
    HASHCTL control{};
    control.keysize = sizeof(Oid);
    control.entrysize = sizeof(Entry);
    control.hcxt = CacheMemoryContext;
    entries = hash_create("ratchet contracts", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  }
  return last_found = static_cast<Entry *>(hash_search(entries, &trigger, HASH_FIND, nullptr));
}

// What is known of a trigger and still holds; nullptr: it has to be built. Asks no catalog.
Cached *find_valid(Relation relation, Oid trigger, TriggerKind kind) {
  const Entry *entry = find_entry(trigger);
  if (entry == nullptr || entry->object == nullptr) return nullptr;
  Cached *object = entry->object;
  return object->valid && object->kind == kind && object->relation == RelationGetRelid(relation) ? object : nullptr;
}

// _102008
bool is_suffix(const char *text) {
  return *text == '_' && text[1] != '\0' && strspn(text + 1, "0123456789") == strlen(text + 1);
}

bool ends_with(Relation relation, const char *suffix) {
  const char *table = RelationGetRelationName(relation);
  return strlen(table) > strlen(suffix) && strcmp(table + strlen(table) - strlen(suffix), suffix) == 0;
}

// Whether the number at the end of a name is ratchet's own: !ratchet_tally_1.
bool is_numbered(const char *name) {
  const size_t length = strlen(child_trigger_prefix);
  return strncmp(name, child_trigger_prefix, length) == 0 && is_suffix(name + length - 1);
}

}  // namespace

void init_cache() {
  CacheRegisterRelcacheCallback(fenced<forget_relation>, static_cast<Datum>(0));
  CacheRegisterSyscacheCallback(PROCOID, fenced<forget_functions>, static_cast<Datum>(0));
  CacheRegisterSyscacheCallback(OPEROID, fenced<forget_names>, static_cast<Datum>(0));
  CacheRegisterSyscacheCallback(NAMESPACEOID, fenced<forget_names>, static_cast<Datum>(0));
}

void free_retired_contracts() {
  ListCell *cell;
  foreach (cell, retired) free_object(static_cast<Cached *>(lfirst(cell)));
  list_free(retired);
  retired = NIL;
  drop_invalid();
}

Oid find_own_function(const char *name) {
  const Oid schema = get_namespace_oid("ratchet", true);
  if (!OidIsValid(schema)) return InvalidOid;
  return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
                         PointerGetDatum(buildoidvector(nullptr, 0)), ObjectIdGetDatum(schema));
}

uint64 cache_generation() { return generation; }

bool await_invalidations(int waits) {
  constexpr int most_waits = 5;
  if (waits == most_waits) return false;
  pg_usleep(1000L << waits);
  CHECK_FOR_INTERRUPTS();
  AcceptInvalidationMessages();
  return true;
}

Oid find_trigger_function(TriggerKind kind) {
  know_functions();
  return functions[static_cast<int>(kind)];
}

TriggerKind find_trigger_kind(Oid function) { return known_trigger_kinds().of(function); }

OwnTriggers copy_triggers(Relation relation) {
  const TriggerKinds kinds = known_trigger_kinds();
  OwnTriggers own{0, nullptr};
  if (relation->trigdesc == nullptr) return own;
  const TriggerDesc *copy = CopyTriggerDesc(relation->trigdesc);
  auto *items = palloc_array<OwnTrigger>(copy->numtriggers);
  for (int i = 0; i < copy->numtriggers; ++i) items[i] = {kinds.of(copy->triggers[i].tgfoid), &copy->triggers[i]};
  own = {copy->numtriggers, items};
  return own;
}

Triggers find_triggers(Relation relation, TriggerKind kind) {
  const Oid function = find_trigger_function(kind);
  // Nothing is looked up from here on.
  const TriggerDesc *triggers = relation->trigdesc;
  if (triggers == nullptr || !OidIsValid(function)) return {0, nullptr};
  auto **items = palloc_array<const Trigger *>(triggers->numtriggers);
  int count = 0;
  for (int i = 0; i < triggers->numtriggers; ++i)
    if (triggers->triggers[i].tgfoid == function) items[count++] = copy_of(&triggers->triggers[i]);
  return {count, items};
}

const Trigger *find_trigger(Relation relation, TriggerKind kind) {
  Trigger *found = peek(relation, kind);
  return found == nullptr ? nullptr : copy_of(found);
}

bool find_trigger_facts(Relation relation, TriggerKind kind, Trigger *facts) {
  const Trigger *found = peek(relation, kind);
  if (found == nullptr) return false;
  *facts = *found;
  facts->tgname = nullptr;
  facts->tgattr = nullptr;
  facts->tgargs = nullptr;
  facts->tgqual = nullptr;
  facts->tgoldtable = facts->tgnewtable = nullptr;
  facts->tgnargs = facts->tgnattr = 0;
  return true;
}

bool is_called(Relation relation, const Trigger &trigger, const char *name) {
  const size_t length = strlen(name);
  if (strncmp(trigger.tgname, name, length) != 0) return false;
  const char *suffix = trigger.tgname + length;
  return *suffix == '\0' || (is_suffix(suffix) && (trigger.tgisclone || ends_with(relation, suffix)));
}

const char *find_shard_suffix(Relation relation) {
  const TriggerKinds kinds = known_trigger_kinds();
  const Trigger *own = peek(relation, [&](const Trigger &trigger) {
    const char *suffix = strrchr(trigger.tgname, '_');
    return kinds.of(trigger.tgfoid) != TriggerKind::none && suffix != nullptr && is_suffix(suffix) &&
           ends_with(relation, suffix) && !is_numbered(trigger.tgname);
  });
  return own == nullptr ? "" : pstrdup(strrchr(own->tgname, '_'));
}

const Trigger *find_named(Relation relation, const char *name) {
  Trigger *found = peek(relation, [&](const Trigger &trigger) { return is_called(relation, trigger, name); });
  return found == nullptr ? nullptr : copy_of(found);
}

bool fires_before_insert(Relation relation) {
  return relation->trigdesc != nullptr && relation->trigdesc->trig_insert_before_row;
}

// The executor's trigger is a copy of when its statement began. What a guard says of its columns holds for the whole
// statement. But a stranger's rename of what a tally names takes no lock on the table: it rewrites the trigger and
// commits at any time. Text of before it, read after it, names nothing, or an object that has got the name since. So a
// tally is built from the relation's own trigger, and what was built while an invalidation arrived is built again.
Cached *cached(Relation relation, const Trigger *trigger, TriggerKind kind, Build build) {
  if (Cached *known = find_valid(relation, trigger->tgoid, kind)) return known;
  constexpr int most_builds = 4;
  Cached *fresh;
  bool holds = false;
  for (int builds = 1;; ++builds) {
    AcceptInvalidationMessages();
    const uint64 built_at = generation;
    const Trigger *now = copy_current(relation, trigger);
    if (now != nullptr && kind != TriggerKind::guard) trigger = now;
    fresh = build_whole(relation, trigger, kind, build);
    AcceptInvalidationMessages();
    const bool current = now != nullptr && same_arguments(now->tgargs, now->tgnargs, trigger->tgargs, trigger->tgnargs);
    holds = current && generation == built_at;
    if (holds || !current || builds == most_builds) break;
    MemoryContextDelete(fresh->context);
  }
  bool found;
  auto *entry = static_cast<Entry *>(hash_search(entries, &fresh->trigger, HASH_ENTER, &found));
  if (!found) entry->object = nullptr;
  if (entry->object != nullptr) {
    MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
    retired = lappend(retired, entry->object);
    MemoryContextSwitchTo(caller);
  }
  MemoryContextSetParent(fresh->context, CacheMemoryContext);
  // What does not hold serves once.
  fresh->valid = holds;
  if (!fresh->valid) any_invalid = true;
  entry->object = fresh;
  return fresh;
}

CachedTrigger find_cached(Relation relation, TriggerKind kind, Build build) {
  Trigger *found = peek(relation, kind);
  if (found == nullptr) return {false, nullptr};
  if (!fires_now(*found)) return {true, nullptr};
  if (Cached *known = find_valid(relation, found->tgoid, kind)) return {true, known};
  return {true, cached(relation, copy_of(found), kind, build)};
}

bool fires_now(const Trigger &trigger) {
  if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
    return trigger.tgenabled == TRIGGER_FIRES_ALWAYS || trigger.tgenabled == TRIGGER_FIRES_ON_REPLICA;
  return fires_ordinarily(trigger);
}

bool fires_ordinarily(const Trigger &trigger) {
  return trigger.tgenabled == TRIGGER_FIRES_ALWAYS || trigger.tgenabled == TRIGGER_FIRES_ON_ORIGIN;
}

}  // namespace ratchet
