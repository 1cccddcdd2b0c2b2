#include "pg/pg.h"

extern "C" {
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
}

#include "contract/distributed.h"
#include "contract/errors.h"
#include "pg/json_text.h"
#include "pg/list.h"
#include "pg/partition.h"
#include "pg/quote.h"
#include "pg/row_value.h"
#include "pg/unique_value.h"
#include "verb/record.h"

namespace ratchet {

namespace {

// Whether two foreign keys refer to the same columns with the same columns, in any order.
bool refer_alike(const ForeignKeyCacheInfo *a, const ForeignKeyCacheInfo *b) {
  if (a->nkeys != b->nkeys) return false;
  for (int i = 0; i < a->nkeys; ++i) {
    bool found = false;
    for (int j = 0; j < b->nkeys; ++j)
      found = found || (a->conkey[i] == b->conkey[j] && a->confkey[i] == b->confkey[j]);
    if (!found) return false;
  }
  return true;
}

void sign_record(Signature *signature, StatementKind kind, const Record &record) {
  sign(signature, kind);
  sign(signature, RelationGetRelid(record.child));
  sign(signature, record.reference->conoid);
  sign(signature, record.fields);
}

// The target row's value for one column of the reference. Its type is the
// target column's: a foreign key may join different types, and the INSERT's
// assignment converts.
Field reference_field(const Target &target, const Record &record, int place, Datum value, bool isnull) {
  const AttrNumber referenced = record.reference->confkey[place];
  const Field from = field_of_value(target.relation, referenced, value, isnull);
  if (isnull)
    error_column_unfit(ERRCODE_NULL_VALUE_NOT_ALLOWED, target.relation, from.name,
                       "column \"%s\" of relation \"%s\" is null and cannot be referenced by a record");
  Field field = field_of_value(record.child, record.reference->conkey[place], value, false);
  field.type = from.type;
  return field;
}

// Whether the record's own value is the target row's, as the foreign key compares them. The cast between the two types
// that a foreign key may need is called here only where it is PostgreSQL's own: a user's would run as the caller.
bool refers_to(const Record &record, int place, const Field &referenced, const Field &given) {
  if (given.isnull) return false;
  const Oid op = record.reference->conpfeqop[place];
  Oid left;
  Oid right;
  op_input_types(op, &left, &right);
  const Oid type = getBaseType(given.type);
  Datum value = given.value;
  Oid cast = InvalidOid;
  if (type != right && !IsPolymorphicType(right) && right != RECORDOID) {
    const CoercionPathType path = find_coercion_pathway(right, type, COERCION_IMPLICIT, &cast);
    if (path == COERCION_PATH_FUNC && cast < FirstNormalObjectId)
      value = OidFunctionCall3(cast, value, Int32GetDatum(-1), BoolGetDatum(false));
    else if (path != COERCION_PATH_RELABELTYPE)
      return strcmp(text_of_value(given.type, value), text_of_value(referenced.type, referenced.value)) == 0;
  }
  const Oid collation = TupleDescAttr(RelationGetDescr(record.child), given.attnum - 1)->attcollation;
  return DatumGetBool(OidFunctionCall2Coll(get_opcode(op), collation, referenced.value, value));
}

//   r.*::schema.child, one value
const char *whole_row(const Record &record) {
  return psprintf("r.*::%s", qualified_type(record.child->rd_rel->reltype));
}

// The record's fields with the reference filled in. A record that names a
// reference of its own must name this row.
Fields with_reference(const Target &target, const Record &record, const Datum *referenced, const bool *nulls) {
  Fields fields = record.fields;
  for (int i = 0; i < record.reference->nkeys; ++i) {
    const Field field = reference_field(target, record, i, referenced[i], nulls[i]);
    const Field *given = find_field(fields, field.attnum);
    if (given == nullptr)
      add_field(&fields, field);
    else if (!refers_to(record, i, field, *given))
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, record.child, field.name,
                         "column \"%s\" of relation \"%s\" refers to another row than the one that is submitted");
  }
  return fields;
}

}  // namespace

// A foreign key may compare its columns through a cast that is somebody's function: referential checks run it as
// the table's owner, a statement here would as the caller. Errors: 22023.
static void check_conversions(Relation child, const ForeignKeyCacheInfo *key) {
  for (int i = 0; i < key->nkeys; ++i) {
    Oid left, right, function;
    op_input_types(key->conpfeqop[i], &left, &right);
    const Oid type = get_atttype(RelationGetRelid(child), key->conkey[i]);
    if (find_coercion_pathway(right, type, COERCION_IMPLICIT, &function) != COERCION_PATH_FUNC ||
        function < FirstNormalObjectId)
      continue;
    error_column_unfit(
        ERRCODE_INVALID_PARAMETER_VALUE, child, get_attname(RelationGetRelid(child), key->conkey[i], false),
        "column \"%s\" of relation \"%s\" refers to another type through a user's function, and so cannot be followed");
  }
}

const ForeignKeyCacheInfo *only_reference(Relation child, Relation target) {
  auto *keys = static_cast<List *>(copyObjectImpl(RelationGetFKeyList(child)));
  const ForeignKeyCacheInfo *only = nullptr;
  for (const auto *key : each<ForeignKeyCacheInfo>(keys)) {
    // A partition's own copy of its parent's key counts, and so does one that PostgreSQL made for a partition of the
    // target.
    if (key->confrelid != RelationGetRelid(target) || (only != nullptr && refer_alike(only, key))) continue;
    if (only != nullptr)
      ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
              errmsg("relation \"%s\" has several foreign keys to \"%s\"", RelationGetRelationName(child),
                     RelationGetRelationName(target)),
              errdetail("The reference of a record is filled in from the child's only foreign key to the table."),
              errtable(child));
    only = key;
  }
  if (only == nullptr)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("relation \"%s\" has no foreign key to \"%s\"", RelationGetRelationName(child),
                   RelationGetRelationName(target)),
            errdetail("The reference of a record is filled in from the child's only foreign key to the table."),
            errtable(child));
  check_conversions(child, only);
  return only;
}

void write_referenced(SqlWriter *writer, const Target &target, const Record &record) {
  if (record.child == nullptr) return;
  for (int i = 0; i < record.reference->nkeys; ++i)
    appendStringInfo(&writer->sql, ", t.%s",
                     quote_identifier(get_attname(target.contract->relation, record.reference->confkey[i], false)));
}

Record read_record(const Target &target, FunctionCallInfo fcinfo, int child_argument, int record_argument) {
  Record record{};
  if (PG_ARGISNULL(child_argument)) {
    if (!PG_ARGISNULL(record_argument)) error_argument("record needs child", "Name the table to store the record in.");
    return record;
  }
  if (PG_ARGISNULL(record_argument))
    error_argument("child needs record", "Give the record to store, {} for an empty one.");
  // It is stored on the node of its row: of tables that are distributed, on the shard of the same place.
  const Oid child = PG_GETARG_OID(child_argument);
  if (!OidIsValid(target.table)) check_not_distributed(child, "Distribute the table of its row in the same way.");
  record.child = open_place(child, ACL_INSERT, target.place);
  if (record.child->rd_rel->relkind != RELKIND_RELATION && record.child->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("child \"%s\" is not a table", RelationGetRelationName(record.child)), errtable(record.child));
  record.reference = only_reference(record.child, target.relation);
  record.fields = convert_object(record.child, jsonb_argument(fcinfo, record_argument), "record", Purpose::set);
  return record;
}

void close_record(const Record &record) {
  if (record.child != nullptr) table_close(record.child, NoLock);
}

//   INSERT INTO schema.child AS r ("a", ...) VALUES ($1, ...) RETURNING r.*::schema.child
Datum store_record(const Target &target, const Record &record, const Datum *referenced, const bool *nulls) {
  const Fields fields = with_reference(target, record, referenced, nulls);
  Parameters parameters{};
  add_parameters(&parameters, fields);
  Signature signature{};
  sign_record(&signature, StatementKind::record, record);
  const Statement *statement = find_statement(target.contract, signature);
  if (statement == nullptr) {
    SqlWriter writer;
    init_writer(&writer);
    // Names as they are now: a trigger of the target may have renamed the child's columns since the record was read.
    appendStringInfo(&writer.sql, "INSERT INTO %s AS r (", qualified_relation(RelationGetRelid(record.child)));
    for (int i = 0; i < fields.count; ++i)
      appendStringInfo(&writer.sql, "%s%s", i > 0 ? ", " : "",
                       quote_identifier(get_attname(RelationGetRelid(record.child), fields.items[i].attnum, false)));
    appendStringInfoString(&writer.sql, ") VALUES (");
    for (int i = 0; i < fields.count; ++i) appendStringInfo(&writer.sql, "%s$%d", i > 0 ? ", " : "", i + 1);
    appendStringInfo(&writer.sql, ") RETURNING %s", whole_row(record));
    statement =
        prepare_statement(target.contract, signature, writer.sql.data, parameters, RelationGetRelid(record.child));
  }
  const Row row = run_statement(statement, parameters, RelationGetRelid(record.child), nullptr);
  if (!row.found) error_record_suppressed(record.child);
  return jsonb_of_row(row.values[0]);
}

//   SELECT (SELECT CASE WHEN count(*) = 1 THEN (array_agg(r.*::schema.child))[1] END
//           FROM schema.child r WHERE t."id" = r."reference" ...) FROM schema.table t WHERE <key>
Row stored_record(const Target &target, const Record &record) {
  Signature signature{};
  sign_record(&signature, StatementKind::stored_record, record);
  sign(&signature, target.key);
  Parameters parameters{};
  add_parameters(&parameters, target.key);
  const Statement *statement = find_statement(target.contract, signature);
  if (statement == nullptr) {
    const char *child = qualified_relation(RelationGetRelid(record.child));
    StringInfoData join;
    initStringInfo(&join);
    for (int i = 0; i < record.reference->nkeys; ++i)
      appendStringInfo(
          &join, " AND t.%s %s r.%s",
          quote_identifier(get_attname(target.contract->relation, record.reference->confkey[i], false)),
          qualified_operator(record.reference->conpfeqop[i]),
          quote_identifier(get_attname(RelationGetRelid(record.child), record.reference->conkey[i], false)));
    SqlWriter writer;
    init_writer(&writer);
    appendStringInfo(&writer.sql,
                     "SELECT (SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) 1"
                     " THEN (pg_catalog.array_agg(%s))[1] END"
                     " FROM %s r WHERE true%s) FROM %s t",
                     whole_row(record), child, join.data, qualified_relation(target.contract->relation));
    write_key(&writer, target);
    statement =
        prepare_statement(target.contract, signature, writer.sql.data, parameters, RelationGetRelid(record.child));
  }
  Row row = run_statement(statement, parameters, RelationGetRelid(record.child), nullptr);
  if (row.found && !row.nulls[0]) row.values[0] = jsonb_of_row(row.values[0]);
  return row;
}

const char *find_conflict(Relation child, const ErrorData *error) {
  if ((error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION && error->sqlerrcode != ERRCODE_EXCLUSION_VIOLATION) ||
      error->schema_name == nullptr || error->table_name == nullptr || error->constraint_name == nullptr)
    return nullptr;
  const Oid schema = get_namespace_oid(error->schema_name, true);
  const Oid relation = OidIsValid(schema) ? get_relname_relid(error->table_name, schema) : InvalidOid;
  if (relation == RelationGetRelid(child)) return name_on_table(child, error->constraint_name);
  if (!OidIsValid(relation) || !get_rel_relispartition(relation) ||
      !list_member_oid(get_partition_ancestors(relation), RelationGetRelid(child)))
    return nullptr;
  // Which partition it was is an accident of the row's key; its index descends from the child's.
  const Oid index = get_relname_relid(error->constraint_name, schema);
  if (!OidIsValid(index) || !get_rel_relispartition(index)) return error->constraint_name;
  return get_rel_name(find_topmost_ancestor(index));
}

bool explain_undone(const Target &target, const Record &record, const Field *idempotency_key, bool changed,
                    const ErrorData *error, Undone *undone) {
  // Once the row was changed it is the record's doing, and what was violated before is not.
  if (changed)
    undone->conflict = record.child != nullptr ? find_conflict(record.child, error) : nullptr;
  else
    undone->key_reused =
        idempotency_key != nullptr && is_repeated_value(target.relation, idempotency_key->attnum, error);
  return undone->conflict != nullptr || undone->key_reused;
}

}  // namespace ratchet
