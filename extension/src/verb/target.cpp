#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "catalog/pg_index.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

#include <algorithm>

#include "contract/distributed.h"
#include "contract/errors.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "pg/row_value.h"
#include "pg/unique_value.h"
#include "verb/target.h"

namespace ratchet {

namespace {

// Whether the index is over exactly these columns, and unique in the sense of
// the equality and collation that the verbs' statements compare with.
bool covers(Relation index, Relation relation, const Fields &key) {
  const int count = index->rd_index->indnkeyatts;
  if (count != key.count) return false;
  for (int i = 0; i < count; ++i) {
    const Field *field = find_field(key, index->rd_index->indkey.values[i]);
    if (field == nullptr) return false;
    const Oid type = index->rd_opcintype[i];
    if (get_opfamily_member(index->rd_opfamily[i], type, type, BTEqualStrategyNumber) !=
            equality_operator(field->type) ||
        index->rd_indcollation[i] != TupleDescAttr(RelationGetDescr(relation), field->attnum - 1)->attcollation)
      return false;
  }
  return true;
}

bool is_unique_key(Relation relation, const Fields &key) {
  bool unique = false;
  List *indexes = RelationGetIndexList(relation);
  for (const Oid oid : each_oid(indexes)) {
    Relation index = index_open(oid, AccessShareLock);
    unique = unique || (identifies(index) && covers(index, relation, key));
    index_close(index, AccessShareLock);
  }
  return unique;
}

Fields key_of_object(Relation relation, const Jsonb *object) {
  const Fields key = convert_object(relation, object, "key", Purpose::compare);
  if (key.count == 0 || !is_unique_key(relation, key)) error_no_such_key(relation);
  for (const Field &field : key)
    if (field.isnull) error_null_argument("key");
  return key;
}

bool looks_like_object(const char *text) {
  while (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r') ++text;
  return *text == '{';
}

[[noreturn]] void error_no_relation(Oid relid) {
  ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid));
  pg_unreachable();
}

}  // namespace

Fields read_key(Relation relation, AttrNumber primary_key, FunctionCallInfo fcinfo, int argument) {
  if (PG_ARGISNULL(argument)) error_null_argument("key");
  const Oid type = type_of_argument(fcinfo, argument);
  if (type == JSONBOID) return key_of_object(relation, PG_GETARG_JSONB_P(argument));

  if (primary_key == InvalidAttrNumber) {
    const char *text = text_of_argument(fcinfo, argument);
    if (!looks_like_object(text)) error_no_such_key(relation);
    return key_of_object(relation, DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text))));
  }
  Fields key{0, nullptr};
  add_field(&key, convert_argument(relation, primary_key, fcinfo, argument, "key", Purpose::compare));
  return key;
}

Jsonb *jsonb_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? nullptr : PG_GETARG_JSONB_P(argument);
}

void require_right(Oid relid, AclMode right) {
  if (pg_class_aclcheck(relid, GetUserId(), right) == ACLCHECK_OK) return;
  if (pg_attribute_aclcheck_all(relid, GetUserId(), right, ACLMASK_ANY) == ACLCHECK_OK) return;
  aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
}

void require_update(Relation relation, const Fields &set) {
  PreventCommandIfReadOnly("UPDATE");
  const Oid relid = RelationGetRelid(relation);
  if (pg_class_aclcheck(relid, GetUserId(), ACL_UPDATE) == ACLCHECK_OK) return;
  for (const Field &field : set)
    if (pg_attribute_aclcheck(relid, field.attnum, GetUserId(), ACL_UPDATE) != ACLCHECK_OK)
      aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(relation->rd_rel->relkind),
                     RelationGetRelationName(relation));
}

// Before the lock: a role without any right must not be able to hold one.
static Relation open_with_right(Oid relid, AclMode right) {
  require_right(relid, right);
  Relation relation = try_relation_open(relid, RowExclusiveLock);
  if (relation == nullptr) error_no_relation(relid);
  return relation;
}

Relation open_relation(Oid relid, AclMode right) {
  if (has_citus()) {
    require_right(relid, right);
    check_not_distributed(relid, on_each_shard);
    keep_own_shard(relid);
  }
  return open_with_right(relid, right);
}

const char *place_of(Oid table, FunctionCallInfo fcinfo) {
  const AttrNumber column = distribution_column(table);
  if (column == InvalidAttrNumber) return nullptr;
  // The table's own attribute numbers are not its shards'.
  Relation relation = try_relation_open(table, AccessShareLock);
  if (relation == nullptr) error_no_relation(table);
  const Fields key = read_key(relation, single_primary_key(relation), fcinfo, 1);
  const Field *field = find_field(key, column);
  if (field == nullptr) error_no_such_key(relation);
  relation_close(relation, NoLock);
  return text_of_value(field->type, field->value);
}

Relation open_place(Oid relid, AclMode right, const char *place) {
  if (!is_distributed(relid)) return open_relation(relid, right);
  require_right(relid, right);
  return open_with_right(require_local_shard(relid, place, ShardUse::write), right);
}

Relation open_target(FunctionCallInfo fcinfo, int argument) {
  if (PG_ARGISNULL(argument)) error_null_argument("target");
  return open_relation(PG_GETARG_OID(argument), ACL_UPDATE);
}

bool rename_row(Target *target, AttrNumber attnum, Datum value) {
  const Field *named = find_field(target->key, attnum);
  if (named == nullptr) return false;
  auto *items = palloc_array<Field>(target->key.count);
  std::copy(target->key.begin(), target->key.end(), items);
  items[named - target->key.items].value = value;
  target->key.items = items;
  return true;
}

void close_target(const Target &target) { relation_close(target.relation, NoLock); }

Target read_target(FunctionCallInfo fcinfo) {
  Target target{};
  if (!PG_ARGISNULL(0) && is_distributed(PG_GETARG_OID(0))) {
    target.table = PG_GETARG_OID(0);
    require_right(target.table, ACL_UPDATE);
    target.place = place_of(target.table, fcinfo);
    target.relation = open_place(target.table, ACL_UPDATE, target.place);
  } else {
    target.relation = open_target(fcinfo, 0);
  }
  target.contract = require_contract(target.relation);
  target.key = read_key(target.relation, target.contract->primary_key, fcinfo, 1);
  return target;
}

Datum answer_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls) {
  Oid type = get_fn_expr_rettype(fcinfo->flinfo);
  if (!OidIsValid(type)) type = get_func_rettype(fcinfo->flinfo->fn_oid);
  const TupleDesc tupdesc = lookup_rowtype_tupdesc(type, -1);
  HeapTuple tuple = heap_form_tuple(tupdesc, values, nulls);
  const Datum row = HeapTupleGetDatum(tuple);
  ReleaseTupleDesc(tupdesc);
  return row;
}

void set_text(const char *text, Datum *value, bool *isnull) {
  *isnull = text == nullptr;
  if (text != nullptr) *value = CStringGetTextDatum(text);
}

void set_names(List *names, Datum *value, bool *isnull) {
  *isnull = names == NIL;
  if (names != NIL) *value = text_array(names);
}

}  // namespace ratchet
