#include "pg/pg.h"

extern "C" {
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_constraint.h"
#include "utils/syscache.h"
}

#include "errors.h"
#include "record.h"
#include "sqltext.h"

namespace ratchet {

namespace {

// A clone that stands for one partition of the referenced table.
bool is_clone(Oid constraint) {
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
  if (!HeapTupleIsValid(tuple)) return false;
  const bool clone = OidIsValid(reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple))->conparentid);
  ReleaseSysCache(tuple);
  return clone;
}

void sign_record(Signature *signature, Template made_from, const Record &record) {
  sign(signature, made_from);
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
                       "is null and cannot be referenced by a record");
  Field field = field_of_value(record.child, record.reference->conkey[place], value, false);
  field.type = from.type;
  return field;
}

// The record's fields with the reference filled in. A record that names a
// reference of its own must name this row, compared as text because the two
// columns' types may differ.
Fields with_reference(const Target &target, const Record &record, const Datum *referenced, const bool *nulls) {
  Fields fields = record.fields;
  for (int i = 0; i < record.reference->nkeys; ++i) {
    const Field field = reference_field(target, record, i, referenced[i], nulls[i]);
    const Field *given = find_field(fields, field.attnum);
    if (given == nullptr)
      add_field(&fields, field);
    else if (given->isnull ||
             strcmp(text_of_value(given->type, given->value), text_of_value(field.type, field.value)) != 0)
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, record.child, field.name,
                         "refers to another row than the one that is submitted");
  }
  return fields;
}

}  // namespace

const ForeignKeyCacheInfo *only_reference(Relation child, Relation target) {
  auto *keys = static_cast<List *>(copyObjectImpl(RelationGetFKeyList(child)));
  const ForeignKeyCacheInfo *only = nullptr;
  ListCell *cell;
  foreach (cell, keys) {
    const auto *key = static_cast<const ForeignKeyCacheInfo *>(lfirst(cell));
    if (key->confrelid != RelationGetRelid(target) || is_clone(key->conoid)) continue;
    if (only != nullptr)
      ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
              errmsg("relation \"%s\" has several foreign keys to \"%s\"", RelationGetRelationName(child),
                     RelationGetRelationName(target)),
              errdetail("The reference of a record is filled in from the child's only foreign key to the table."),
              (report_table(child), 0));
    only = key;
  }
  if (only == nullptr)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("relation \"%s\" has no foreign key to \"%s\"", RelationGetRelationName(child),
                   RelationGetRelationName(target)),
            errdetail("The reference of a record is filled in from the child's only foreign key to the table."),
            (report_table(child), 0));
  return only;
}

void write_referenced(Writer *writer, const Target &target, const Record &record) {
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
  record.child = open_relation(PG_GETARG_OID(child_argument), ACL_INSERT);
  if (record.child->rd_rel->relkind != RELKIND_RELATION && record.child->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
    ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
            errmsg("child \"%s\" is not a table", RelationGetRelationName(record.child)),
            (report_table(record.child), 0));
  record.reference = only_reference(record.child, target.relation);
  record.fields = fields_of_object(record.child, jsonb_argument(fcinfo, record_argument), "record", Purpose::set);
  return record;
}

void close_record(const Record &record) {
  if (record.child != nullptr) table_close(record.child, NoLock);
}

//   INSERT INTO schema.child AS r ("a", ...) VALUES ($1, ...) RETURNING pg_catalog.to_jsonb(r.*)
Datum store_record(const Target &target, const Record &record, const Datum *referenced, const bool *nulls) {
  const Fields fields = with_reference(target, record, referenced, nulls);
  Parameters parameters{};
  add_parameters(&parameters, fields);
  Signature signature{};
  sign_record(&signature, Template::record, record);
  const Statement *statement = find_statement(target.contract, signature);
  if (statement == nullptr) {
    Writer writer;
    start(&writer);
    // Names as they are now: a trigger of the target may have renamed the child's columns since the record was read.
    appendStringInfo(&writer.sql, "INSERT INTO %s AS r (", qualified_relation(RelationGetRelid(record.child)));
    for (int i = 0; i < fields.count; ++i)
      appendStringInfo(&writer.sql, "%s%s", i > 0 ? ", " : "",
                       quote_identifier(get_attname(RelationGetRelid(record.child), fields.items[i].attnum, false)));
    appendStringInfoString(&writer.sql, ") VALUES (");
    for (int i = 0; i < fields.count; ++i) appendStringInfo(&writer.sql, "%s$%d", i > 0 ? ", " : "", i + 1);
    appendStringInfoString(&writer.sql, ") RETURNING pg_catalog.to_jsonb(r.*)");
    statement =
        prepare_statement(target.contract, signature, writer.sql.data, parameters, RelationGetRelid(record.child));
  }
  const Row row = run_statement(statement, parameters, RelationGetRelid(record.child), nullptr);
  if (!row.found)
    ereport(ERROR, errcode(sqlstate_unenforceable),
            errmsg("record was not stored in \"%s\"", RelationGetRelationName(record.child)),
            errdetail("A BEFORE trigger or a rule of the table suppressed the insert."),
            (report_table(record.child), 0));
  return row.values[0];
}

//   SELECT pg_catalog.to_jsonb(r.*) FROM schema.child r
//   WHERE r."reference" OPERATOR(pg_catalog.=) $1 ... AND (SELECT count(*) ...) = 1
Row stored_record(const Target &target, const Record &record) {
  Signature signature{};
  sign_record(&signature, Template::stored_record, record);
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
    Writer writer;
    start(&writer);
    appendStringInfo(&writer.sql,
                     "SELECT (SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) 1"
                     " THEN (pg_catalog.array_agg(pg_catalog.to_jsonb(r.*)))[1] END"
                     " FROM %s r WHERE true%s) FROM %s t",
                     child, join.data, qualified_relation(target.contract->relation));
    write_key(&writer, target);
    statement =
        prepare_statement(target.contract, signature, writer.sql.data, parameters, RelationGetRelid(record.child));
  }
  return run_statement(statement, parameters, RelationGetRelid(record.child), nullptr);
}

const char *conflict_of(const Record &record, const ErrorData *error) {
  if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION || error->schema_name == nullptr || error->table_name == nullptr ||
      error->constraint_name == nullptr)
    return nullptr;
  const Oid schema = get_namespace_oid(error->schema_name, true);
  const Oid relation = OidIsValid(schema) ? get_relname_relid(error->table_name, schema) : InvalidOid;
  if (relation == RelationGetRelid(record.child)) return error->constraint_name;
  if (!OidIsValid(relation) || !get_rel_relispartition(relation) ||
      !list_member_oid(get_partition_ancestors(relation), RelationGetRelid(record.child)))
    return nullptr;
  // Which partition it was is an accident of the row's key; its index descends from the child's.
  const Oid index = get_relname_relid(error->constraint_name, schema);
  if (!OidIsValid(index) || !get_rel_relispartition(index)) return error->constraint_name;
  return get_rel_name(llast_oid(get_partition_ancestors(index)));
}

}  // namespace ratchet
