#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/sysattr.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
}

#include "pg/list.h"
#include "pg/unique_value.h"

namespace ratchet {

namespace {

bool covers(Relation index, AttrNumber attnum) {
  const Form_pg_index form = index->rd_index;
  if (!form->indisunique && !form->indisexclusion) return false;
  for (int i = 0; i < form->indnkeyatts; ++i)
    if (form->indkey.values[i] == attnum) return true;
  Bitmapset *columns = nullptr;
  pull_varattnos(reinterpret_cast<Node *>(RelationGetIndexExpressions(index)), 1, &columns);
  return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, columns);
}

bool covers(Oid index, AttrNumber attnum) {
  Relation relation = index_open(index, AccessShareLock);
  const bool result = covers(relation, attnum);
  index_close(relation, AccessShareLock);
  return result;
}

}  // namespace

bool identifies(Relation index) {
  const Form_pg_index form = index->rd_index;
  return form->indisunique && form->indisvalid && form->indimmediate &&
         heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, nullptr) &&
         heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, nullptr);
}

bool may_be_unique(Relation relation, AttrNumber attnum) {
  if (attnum == InvalidAttrNumber) return false;
  // Partitions may have indexes of their own.
  if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) return true;
  bool unique = false;
  List *indexes = RelationGetIndexList(relation);
  for (const Oid oid : each_oid(indexes)) unique = unique || covers(oid, attnum);
  return unique;
}

bool is_repeated_value(Relation relation, AttrNumber attnum, const ErrorData *error) {
  if ((error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION && error->sqlerrcode != ERRCODE_EXCLUSION_VIOLATION) ||
      error->schema_name == nullptr || error->table_name == nullptr || error->constraint_name == nullptr)
    return false;
  const Oid schema = get_namespace_oid(error->schema_name, true);
  const Oid table = OidIsValid(schema) ? get_relname_relid(error->table_name, schema) : InvalidOid;
  const Oid index = OidIsValid(schema) ? get_relname_relid(error->constraint_name, schema) : InvalidOid;
  if (!OidIsValid(table) || !OidIsValid(index)) return false;
  if (table == RelationGetRelid(relation)) return covers(index, attnum);
  if (!get_rel_relispartition(table) || !list_member_oid(get_partition_ancestors(table), RelationGetRelid(relation)))
    return false;
  // Partitions number their columns for themselves.
  return covers(index, get_attnum(table, get_attname(RelationGetRelid(relation), attnum, false)));
}

}  // namespace ratchet
