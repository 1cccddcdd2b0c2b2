// activity/stat_functions.cpp: what the views ratchet.stat and ratchet.stat_columns read, and ratchet.stat_reset().
#include "pg/pg.h"

extern "C" {
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/float.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
}

#include <cmath>

#include "activity/memory.h"
#include "activity/statistics.h"
#include "pg/fence.h"
#include "pg/memory.h"
#include "pg/relation_argument.h"

namespace ratchet {

namespace {

// Errors: 55000 where there is no memory.
const SharedMemory &require_statistics() {
  const SharedMemory *memory = attach_shared_memory();
  if (memory == nullptr)
    ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            errmsg("ratchet keeps no statistics: add ratchet to shared_preload_libraries"),
            errhint("Before PostgreSQL 17 only a preloaded library has shared memory. Contracts work without it."));
  return *memory;
}

const char *name_of(TrackedKind kind) {
  return kind == TrackedKind::guard ? "guard" : kind == TrackedKind::tally ? "tally" : "parent";
}

Datum number(const pg_atomic_uint64 &value) {
  return Int64GetDatum(static_cast<int64>(pg_atomic_read_u64(const_cast<pg_atomic_uint64 *>(&value))));
}

Datum milliseconds(const pg_atomic_uint64 &microseconds) {
  return Float8GetDatum(static_cast<double>(DatumGetInt64(number(microseconds))) / 1000);
}

Datum histogram(const Numbers &numbers) {
  Datum values[duration_count];
  for (int i = 0; i < duration_count; ++i) values[i] = number(numbers.durations[i]);
  return PointerGetDatum(
      construct_array(values, duration_count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

void copy_entry(Entry *from, Entry *to) {
  to->since = from->since;
  for (int i = 0; i < number_count; ++i)
    pg_atomic_init_u64(&each_number(&to->numbers)[i], pg_atomic_read_u64(&each_number(&from->numbers)[i]));
}

// Relation, parent and kind, each event, then the rest.
constexpr int stat_columns = 3 + event_count + 6;

void put_stat(const ReturnSetInfo *result, const EntryKey &key, const Entry *entry) {
  Datum values[stat_columns];
  bool nulls[stat_columns] = {};
  int place = 0;
  values[place++] = ObjectIdGetDatum(key.relation);
  nulls[place] = !OidIsValid(key.parent);
  values[place++] = ObjectIdGetDatum(key.parent);
  values[place++] = CStringGetTextDatum(name_of(key.kind));
  const Numbers &numbers = entry->numbers;
  for (const pg_atomic_uint64 &event : numbers.events) values[place++] = number(event);
  values[place++] = number(numbers.rolled_back);
  values[place++] = number(numbers.waits);
  values[place++] = milliseconds(numbers.wait_time);
  values[place++] = milliseconds(numbers.wait_time_max);
  values[place++] = histogram(numbers);
  values[place++] = TimestampTzGetDatum(entry->since);
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

// A column as it was at one moment.
struct SeenColumn {
  Oid relation;
  TrackedKind kind;
  ColumnEntry column;
};

// Copies: no memory is allocated, and no catalog looked at, with a lock held.
SeenColumn *read_columns(const SharedMemory &memory, int *count) {
  auto *seen = palloc_array<SeenColumn>(memory.header->max_columns);
  *count = 0;
  LWLockAcquire(&memory.header->lock, LW_SHARED);
  each_entry(memory, [&](const EntryKey &key, const Entry *entry) {
    if (key.database != MyDatabaseId) return;
    each_column(memory, entry, [&](ColumnEntry *column) {
      SeenColumn *copy = &seen[(*count)++];
      copy->relation = key.relation;
      copy->kind = key.kind;
      SpinLockAcquire(&column->mutex);
      copy->column = *column;
      SpinLockRelease(&column->mutex);
    });
  });
  LWLockRelease(&memory.header->lock);
  return seen;
}

// As others' queries in pg_stat_activity.
bool may_see_application(Oid relation) {
  return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) ||
         (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)) && owns_relation(relation, GetUserId()));
}

void put_column(const ReturnSetInfo *result, const SeenColumn &seen) {
  const ColumnEntry &column = seen.column;
  Datum values[] = {ObjectIdGetDatum(seen.relation),
                    CStringGetTextDatum(name_of(seen.kind)),
                    NameGetDatum(&column.name),
                    Int64GetDatum(column.kept),
                    Int64GetDatum(column.rejected),
                    Int64GetDatum(column.observed),
                    CStringGetTextDatum(column.last_application),
                    TimestampTzGetDatum(column.last_at)};
  bool nulls[lengthof(values)] = {};
  nulls[6] = !may_see_application(seen.relation);
  nulls[7] = column.last_at == 0;
  tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

// Whoever counts meanwhile counts before or after.
void reset(const SharedMemory &memory, Oid relation) {
  const TimestampTz now = GetCurrentTimestamp();
  LWLockAcquire(&memory.header->lock, LW_EXCLUSIVE);
  each_entry(memory, [&](const EntryKey &key, Entry *entry) {
    if (key.database != MyDatabaseId || (OidIsValid(relation) && key.relation != relation)) return;
    entry->since = now;
    for (int i = 0; i < number_count; ++i) pg_atomic_write_u64(&each_number(&entry->numbers)[i], 0);
    each_column(memory, entry, [](ColumnEntry *column) {
      SpinLockAcquire(&column->mutex);
      column->kept = column->rejected = column->observed = 0;
      column->last_at = 0;
      column->last_application[0] = '\0';
      SpinLockRelease(&column->mutex);
    });
  });
  LWLockRelease(&memory.header->lock);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_stat) {
  const ratchet::SharedMemory &memory = ratchet::require_statistics();
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo);
  // An entry stays in its place; only whose it is needs the lock.
  for (int i = 0; i < memory.header->max_entries; ++i) {
    LWLockAcquire(&memory.header->lock, LW_SHARED);
    const bool used = i < memory.header->entries_used && memory.keys[i].database == MyDatabaseId;
    const ratchet::EntryKey key = memory.keys[i];
    ratchet::Entry entry;
    ratchet::copy_entry(&memory.entries[i], &entry);
    const bool more = i + 1 < memory.header->entries_used;
    LWLockRelease(&memory.header->lock);
    if (used) ratchet::put_stat(result, key, &entry);
    if (!more) break;
  }
  return Datum(0);
}

RATCHET_FUNCTION(ratchet_stat_columns) {
  const ratchet::SharedMemory &memory = ratchet::require_statistics();
  InitMaterializedSRF(fcinfo, 0);
  int count;
  const ratchet::SeenColumn *seen = ratchet::read_columns(memory, &count);
  for (int i = 0; i < count; ++i)
    ratchet::put_column(reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo), seen[i]);
  return Datum(0);
}

RATCHET_FUNCTION(ratchet_stat_enabled) { PG_RETURN_BOOL(ratchet::attach_shared_memory() != nullptr); }

RATCHET_FUNCTION(ratchet_stat_since) { PG_RETURN_TIMESTAMPTZ(ratchet::require_statistics().header->since); }

RATCHET_FUNCTION(ratchet_stat_buckets) {
  Datum values[ratchet::duration_count];
  for (int i = 0; i < ratchet::duration_count; ++i)
    values[i] = Float8GetDatum(i + 1 < ratchet::duration_count ? std::ldexp(1.0, ratchet::first_duration + i) / 1000
                                                               : get_float8_infinity());
  PG_RETURN_ARRAYTYPE_P(
      construct_array(values, ratchet::duration_count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

RATCHET_FUNCTION(ratchet_stat_reset) {
  const Oid target = ratchet::relation_or_null(fcinfo, 0);
  ratchet::reset(ratchet::require_statistics(), target);
  PG_RETURN_VOID();
}
