#include "activity/rate.h"

extern "C" {
#include "common/hashfn.h"
#include "utils/timestamp.h"
}

#include <algorithm>

namespace ratchet {

namespace {

// Of two actors with one hash each would spend the other's tokens. 128 bits, and seeds that nobody outside knows.
Bucket bucket_of(const SharedMemory &memory, Oid relation, bool role, const char *actor) {
  StringInfoData who;
  initStringInfo(&who);
  const Oid table[] = {MyDatabaseId, relation};
  appendBinaryStringInfo(&who, reinterpret_cast<const char *>(table), sizeof(table));
  appendStringInfoChar(&who, role ? 'r' : 'a');
  appendStringInfoString(&who, actor);
  const auto *text = reinterpret_cast<const unsigned char *>(who.data);
  Bucket bucket{};
  for (int i = 0; i < 2; ++i) bucket.who[i] = hash_bytes_extended(text, who.len, memory.header->seeds[i]);
  if (bucket.who[0] == 0 && bucket.who[1] == 0) bucket.who[0] = 1;
  pfree(who.data);
  return bucket;
}

// The actor's bucket in his set, or the one whose place he gets. The caller has the set locked.
Bucket *find_place(BucketSet *set, const Bucket &wanted, TimestampTz now, bool *evicted) {
  Bucket *first = set->buckets;
  for (Bucket &bucket : set->buckets) {
    if (bucket.who[0] == wanted.who[0] && bucket.who[1] == wanted.who[1]) return &bucket;
    if (bucket.full_at < first->full_at) first = &bucket;
  }
  *evicted = first->full_at > now;
  *first = wanted;
  return first;
}

}  // namespace

int64 take_token(const SharedMemory &memory, Oid relation, bool role, const char *actor, const core::RateLimit &limit) {
  const Bucket wanted = bucket_of(memory, relation, role, actor);
  const int64 period = limit.seconds * USECS_PER_SEC;
  // Rounded up, never more calls than promised; but all of them at once.
  const int64 share = (period + limit.calls - 1) / limit.calls;
  const int64 whole = share * limit.calls;
  BucketSet *set = &memory.sets[wanted.who[0] & (memory.header->set_count - 1)];
  bool evicted = false;
  const TimestampTz now = GetCurrentTimestamp();

  SpinLockAcquire(&set->mutex);
  Bucket *bucket = find_place(set, wanted, now, &evicted);
  // Further away only where the clock was set back, or another limit held before.
  bucket->full_at = std::min(std::max(bucket->full_at, now), now + whole);
  const int64 missing = bucket->full_at + share - (now + whole);
  if (missing <= 0) bucket->full_at += share;
  SpinLockRelease(&set->mutex);

  if (evicted) pg_atomic_fetch_add_u64(&memory.header->evicted, 1);
  return std::max<int64>(missing, 0);
}

const SharedMemory &require_rate_memory(Relation relation, int sqlstate) {
  const SharedMemory *memory = attach_shared_memory();
  if (memory == nullptr)
    ereport(ERROR, errcode(sqlstate),
            errmsg("rate_limit of relation \"%s\" needs shared memory, which the server does not have for ratchet",
                   RelationGetRelationName(relation)),
            errhint("Add ratchet to shared_preload_libraries; from PostgreSQL 17 on that is not needed."),
            errtable(relation));
  return *memory;
}

}  // namespace ratchet
