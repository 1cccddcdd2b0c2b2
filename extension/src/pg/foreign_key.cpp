#include "pg/pg.h"

extern "C" {
#include "catalog/pg_constraint.h"
#include "utils/syscache.h"
}

#include "pg/foreign_key.h"
#include "pg/list.h"

namespace ratchet {

namespace {

bool is_over(const ForeignKeyCacheInfo *key, const AttrNumber *via, int count) {
  if (count == 0) return true;
  if (key->nkeys != count) return false;
  for (int i = 0; i < count; ++i) {
    bool found = false;
    for (int j = 0; j < count; ++j) found = found || key->conkey[j] == via[i];
    if (!found) return false;
  }
  return true;
}

}  // namespace

bool is_in_foreign_key(Relation relation, AttrNumber attnum) {
  for (const auto *key : each<ForeignKeyCacheInfo>(RelationGetFKeyList(relation))) {
    for (int i = 0; i < key->nkeys; ++i)
      if (key->conkey[i] == attnum) return true;
  }
  return false;
}

bool is_reference_clone(Oid constraint) {
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
  const Oid above = form->conparentid;
  const Oid relation = form->conrelid;
  ReleaseSysCache(tuple);
  if (!OidIsValid(above)) return false;
  tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(above));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool same = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->conrelid == relation;
  ReleaseSysCache(tuple);
  return same;
}

List *references(Relation child, const AttrNumber *via, int count, Oid parent) {
  List *found = NIL;
  // A copy: the lookups below may rebuild the relcache entry that owns the list.
  auto *keys = static_cast<List *>(copyObjectImpl(RelationGetFKeyList(child)));
  for (auto *key : each<ForeignKeyCacheInfo>(keys)) {
    if (OidIsValid(parent) && key->confrelid != parent) continue;
    if (is_over(key, via, count) && !is_reference_clone(key->conoid)) found = lappend(found, key);
  }
  return found;
}

bool lead_to_one(const List *keys) {
  const auto *first = static_cast<const ForeignKeyCacheInfo *>(linitial(keys));
  for (const auto *key : each<ForeignKeyCacheInfo>(keys)) {
    if (key->confrelid != first->confrelid || key->nkeys != first->nkeys) return false;
    for (int i = 0; i < first->nkeys; ++i) {
      int place = 0;
      while (place < key->nkeys && key->conkey[place] != first->conkey[i]) ++place;
      if (place == key->nkeys || key->confkey[place] != first->confkey[i]) return false;
    }
  }
  return true;
}

const ForeignKeyCacheInfo *oldest_enforced(const List *keys) {
  const ForeignKeyCacheInfo *oldest = nullptr;
  for (const auto *key : each<ForeignKeyCacheInfo>(keys)) {
    if (is_enforced(key->conoid) && (oldest == nullptr || key->conoid < oldest->conoid)) oldest = key;
  }
  return oldest;
}

bool is_enforced(Oid constraint) {
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
  const bool enforced = form->convalidated && is_marked_enforced(form);
  ReleaseSysCache(tuple);
  return enforced;
}

}  // namespace ratchet
