#include "pg/pg.h"

extern "C" {
#include "utils/lsyscache.h"
}

#include "pg/foreign_key.h"
#include "pg/memory.h"
#include "tally/references.h"

namespace ratchet {

List *find_references(Relation child, const ChildTerms *source, Oid parent) {
  auto *via = palloc_array<AttrNumber>(source->nvia);
  for (int i = 0; i < source->nvia; ++i) via[i] = get_attnum(RelationGetRelid(child), source->via[i]);
  return references(child, via, source->nvia, parent);
}

bool has_one_parent(Relation child, const ChildTerms *source) {
  List *keys = find_references(child, source);
  return keys == NIL || lead_to_one(keys);
}

Oid find_parent(Relation child, const ChildTerms *source) {
  List *keys = find_references(child, source);
  return keys == NIL ? InvalidOid : static_cast<const ForeignKeyCacheInfo *>(linitial(keys))->confrelid;
}

}  // namespace ratchet
