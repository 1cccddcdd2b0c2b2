#include "pg/pg.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
}

#include <algorithm>

#include "contract/comparable.h"
#include "contract/errors.h"
#include "contract/values.h"
#include "pg/memory.h"
#include "pg/row_value.h"

namespace ratchet {

namespace {

AttrNumber column_named(Relation relation, const char *name, Purpose purpose) {
  const TupleDesc tupdesc = RelationGetDescr(relation);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (attribute->attisdropped || strcmp(NameStr(attribute->attname), name) != 0) continue;
    if (purpose == Purpose::set && attribute->attgenerated != '\0')
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, relation, name,
                         "column \"%s\" of relation \"%s\" is generated and cannot be set");
    if (purpose == Purpose::set && attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, relation, name,
                         "column \"%s\" of relation \"%s\" is an identity column and cannot be set");
    return attribute->attnum;
  }
  // No column has a longer name, and nobody wants to read one in a message.
  char *clipped = pstrdup(name);
  clipped[pg_mbcliplen(clipped, strlen(clipped), NAMEDATALEN - 1)] = '\0';
  error_no_column(ERRCODE_INVALID_PARAMETER_VALUE, relation, clipped);
}

// The columns that the object names; values are filled in afterwards.
Fields named_columns(Relation relation, const Jsonb *object, Purpose purpose) {
  Fields fields{0, palloc_array<Field>(JB_ROOT_COUNT(object))};
  JsonbIterator *iterator = JsonbIteratorInit(&const_cast<Jsonb *>(object)->root);
  JsonbValue value;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE;) {
    if (token != WJB_KEY) continue;
    const char *name = pnstrdup(value.val.string.val, value.val.string.len);
    fields.items[fields.count++] = field_of_value(relation, column_named(relation, name, purpose), Datum(0), true);
  }
  std::sort(fields.items, fields.items + fields.count,
            [](const Field &a, const Field &b) { return a.attnum < b.attnum; });
  return fields;
}

void fill(Relation relation, const Jsonb *object, Fields *fields) {
  HeapTuple row = populated(relation->rd_rel->reltype, RelationGetDescr(relation), object);
  for (int i = 0; i < fields->count; ++i) {
    Field &field = fields->items[i];
    field.value = heap_getattr(row, field.attnum, RelationGetDescr(relation), &field.isnull);
  }
}

Field field_of_comparable(Relation relation, AttrNumber attnum, const Comparable &value) {
  Field field = field_of_value(relation, attnum, value.value, value.isnull);
  field.type = value.type;
  return field;
}

}  // namespace

Fields convert_object(Relation relation, const Jsonb *object, const char *argument, Purpose purpose) {
  if (object == nullptr) return Fields{0, nullptr};
  if (!JB_ROOT_IS_OBJECT(object)) error_not_object(argument, object);
  Fields fields = named_columns(relation, object, purpose);
  if (fields.count == 0) return fields;

  if (purpose == Purpose::set)
    fill(relation, object, &fields);
  else
    for (int i = 0; i < fields.count; ++i)
      fields.items[i] = field_of_comparable(relation, fields.items[i].attnum,
                                            convert_member(relation, fields.items[i].attnum, object));
  return fields;
}

// The record is not NULL itself, so that columns which the object does not name are left alone.
HeapTuple populated(Oid type, TupleDesc tupdesc, const Jsonb *object) {
  auto *values = palloc0_array<Datum>(tupdesc->natts);
  auto *nulls = palloc_array<bool>(tupdesc->natts);
  memset(nulls, true, sizeof(bool) * tupdesc->natts);
  HeapTuple blank = heap_form_tuple(tupdesc, values, nulls);  // typed as the row

  FmgrInfo function;
  fmgr_info(F_JSONB_POPULATE_RECORD, &function);
  List *arguments = list_make2(makeNullConst(type, -1, InvalidOid), makeNullConst(JSONBOID, -1, InvalidOid));
  fmgr_info_set_expr(reinterpret_cast<Node *>(makeFuncExpr(F_JSONB_POPULATE_RECORD, type, arguments, InvalidOid,
                                                           InvalidOid, COERCE_EXPLICIT_CALL)),
                     &function);
  HeapTupleHeader record =
      DatumGetHeapTupleHeader(FunctionCall2(&function, HeapTupleHeaderGetDatum(blank->t_data), JsonbPGetDatum(object)));
  auto *tuple = static_cast<HeapTuple>(palloc0(sizeof(HeapTupleData)));
  tuple->t_len = HeapTupleHeaderGetDatumLength(record);
  ItemPointerSetInvalid(&tuple->t_self);
  tuple->t_data = record;
  return tuple;
}

Field field_of_value(Relation relation, AttrNumber attnum, Datum value, bool isnull) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  // A copy: a trigger that runs before the field is used may alter the table.
  return {attnum, pstrdup(NameStr(attribute->attname)), attribute->atttypid, value, isnull};
}

Oid type_of_argument(FunctionCallInfo fcinfo, int argument) {
  const Oid type = get_fn_expr_argtype(fcinfo->flinfo, argument);
  if (OidIsValid(type)) return type;
  // Called without an expression, by other C code: the declared type is all there is.
  Oid *types;
  int count;
  get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
  return types[argument];
}

const char *text_of_argument(FunctionCallInfo fcinfo, int argument) {
  return PG_ARGISNULL(argument) ? nullptr
                                : text_of_value(type_of_argument(fcinfo, argument), PG_GETARG_DATUM(argument));
}

Field convert_argument(Relation relation, AttrNumber attnum, FunctionCallInfo fcinfo, int argument, Purpose purpose) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  const Oid column = purpose == Purpose::set ? attribute->atttypid : getBaseType(attribute->atttypid);
  if (column == type_of_argument(fcinfo, argument)) {
    Field field = field_of_value(relation, attnum, PG_GETARG_DATUM(argument), false);
    field.type = column;
    return field;
  }
  const char *text = text_of_argument(fcinfo, argument);
  if (purpose == Purpose::compare) return field_of_comparable(relation, attnum, convert_text(relation, attnum, text));
  Oid input;
  Oid parameter;
  getTypeInputInfo(attribute->atttypid, &input, &parameter);
  const Datum value = OidInputFunctionCall(input, const_cast<char *>(text), parameter, attribute->atttypmod);
  return field_of_value(relation, attnum, value, false);
}

const Field *find_field(const Fields &fields, AttrNumber attnum) {
  for (const Field &field : fields)
    if (field.attnum == attnum) return &field;
  return nullptr;
}

void add_field(Fields *fields, const Field &field) {
  auto *items = palloc_array<Field>(fields->count + 1);
  int i = 0;
  for (; i < fields->count && fields->items[i].attnum < field.attnum; ++i) items[i] = fields->items[i];
  items[i] = field;
  for (; i < fields->count; ++i) items[i + 1] = fields->items[i];
  fields->items = items;
  ++fields->count;
}

}  // namespace ratchet
