#include "activity/rate.h"

extern "C" {
#include "access/nbtree.h"
#include "common/hashfn.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
}

#include <algorithm>

#include "pg/row_value.h"

namespace ratchet {

namespace {

// Whether values are equal only where their bytes are.
bool is_image_equal(const TypeCacheEntry *type, Oid collation) {
  if (!OidIsValid(type->btree_opf)) return false;
  const Oid function =
      get_opfamily_proc(type->btree_opf, type->btree_opintype, type->btree_opintype, BTEQUALIMAGE_PROC);
  return OidIsValid(function) &&
         DatumGetBool(OidFunctionCall1Coll(function, collation, ObjectIdGetDatum(type->btree_opintype)));
}

void append_image(StringInfo out, const TypeCacheEntry *type, Datum value) {
  if (type->typbyval) {
    appendBinaryStringInfo(out, reinterpret_cast<const char *>(&value), sizeof(value));
  } else if (type->typlen == -1) {
    const struct varlena *detoasted = PG_DETOAST_DATUM_PACKED(value);
    appendBinaryStringInfo(out, VARDATA_ANY(detoasted), VARSIZE_ANY_EXHDR(detoasted));
  } else {
    appendBinaryStringInfo(out, DatumGetPointer(value), datumGetSize(value, false, type->typlen));
  }
}

// The same for equal values. The bytes where that will do: a type's own hash may have few bits. Of a type that cannot
// be hashed the text.
void append_value(StringInfo out, const Actor &actor, uint64 seed) {
  const TypeCacheEntry *type =
      lookup_type_cache(getBaseType(actor.type), TYPECACHE_BTREE_OPFAMILY | TYPECACHE_HASH_EXTENDED_PROC_FINFO);
  if (is_image_equal(type, actor.collation)) {
    append_image(out, type, actor.value);
  } else if (OidIsValid(type->hash_extended_proc_finfo.fn_oid)) {
    const Datum hash = FunctionCall2Coll(const_cast<FmgrInfo *>(&type->hash_extended_proc_finfo), actor.collation,
                                         actor.value, UInt64GetDatum(seed));
    appendBinaryStringInfo(out, reinterpret_cast<const char *>(&hash), sizeof(hash));
  } else {
    appendStringInfoString(out, text_of_value(actor.type, actor.value));
  }
}

// Of two actors with one hash each would spend the other's tokens. 128 bits, and seeds that nobody outside knows.
Bucket bucket_of(const SharedMemory &memory, Oid relation, const Actor &actor) {
  StringInfoData who;
  initStringInfo(&who);
  Bucket bucket{};
  for (int i = 0; i < 2; ++i) {
    const uint64 seed = memory.header->seeds[i];
    const Oid table[] = {MyDatabaseId, relation};
    resetStringInfo(&who);
    appendBinaryStringInfo(&who, reinterpret_cast<const char *>(table), sizeof(table));
    appendStringInfoChar(&who, actor.role ? 'r' : 'a');
    append_value(&who, actor, seed);
    bucket.who[i] = hash_bytes_extended(reinterpret_cast<const unsigned char *>(who.data), who.len, seed);
  }
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

int64 take_token(const SharedMemory &memory, Oid relation, const Actor &actor, const core::RateLimit &limit) {
  const Bucket wanted = bucket_of(memory, relation, actor);
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
