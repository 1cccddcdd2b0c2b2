#include "pg/pg.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

#include <algorithm>

#include "pg/json_text.h"
#include "pg/memory.h"
#include "pg/row_value.h"

namespace ratchet {

namespace {

// One dimension of an array, and those within it.
void append_dimension(StringInfo out, const ArrayType *array, int dimension, Oid type, const Datum **values,
                      const bool **nulls) {
  appendStringInfoChar(out, '[');
  for (int i = 0; i < ARR_DIMS(array)[dimension]; ++i) {
    CHECK_FOR_INTERRUPTS();
    if (i > 0) appendStringInfoString(out, ", ");
    if (dimension + 1 < ARR_NDIM(array))
      append_dimension(out, array, dimension + 1, type, values, nulls);
    else
      append_json(out, type, *(*values)++, *(*nulls)++);
  }
  appendStringInfoChar(out, ']');
}

void append_array(StringInfo out, Oid element, Datum value) {
  ArrayType *array = DatumGetArrayTypeP(value);
  if (ARR_NDIM(array) == 0) {
    appendStringInfoString(out, "[]");
    return;
  }
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(element, &length, &by_value, &alignment);
  Datum *elements;
  bool *element_nulls;
  int count;
  deconstruct_array(array, element, length, by_value, alignment, &elements, &element_nulls, &count);
  const Datum *values = elements;
  const bool *nulls = element_nulls;
  append_dimension(out, array, 0, element, &values, &nulls);
}

void append_row(StringInfo out, Datum value) {
  HeapTupleHeader header = DatumGetHeapTupleHeader(value);
  const TupleDesc tupdesc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
  HeapTupleData tuple;
  tuple.t_len = HeapTupleHeaderGetDatumLength(header);
  ItemPointerSetInvalid(&tuple.t_self);
  tuple.t_tableOid = InvalidOid;
  tuple.t_data = header;
  auto *values = palloc_array<Datum>(tupdesc->natts);
  auto *nulls = palloc_array<bool>(tupdesc->natts);
  heap_deform_tuple(&tuple, tupdesc, values, nulls);
  appendStringInfoChar(out, '{');
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (!attribute->attisdropped)
      append_json_member(out, NameStr(attribute->attname), attribute->atttypid, values[i], nulls[i]);
  }
  appendStringInfoChar(out, '}');
  ReleaseTupleDesc(tupdesc);
}

void append_number(StringInfo out, Oid type, Datum value) {
  const char *text = text_of_value(type, value);
  // Not NaN, and no infinity.
  if (IsValidJsonNumber(text, static_cast<int>(strlen(text))))
    appendStringInfoString(out, text);
  else
    escape_json(out, text);
}

void append_time(StringInfo out, Oid type, Datum value) {
  char text[MAXDATELEN + 1];
  JsonEncodeDateTime(text, value, type, nullptr);
  escape_json(out, text);
}

}  // namespace

void append_json(StringInfo out, Oid type, Datum value, bool isnull) {
  check_stack_depth();
  if (isnull) {
    appendStringInfoString(out, "null");
    return;
  }
  const Oid base = getBaseType(type);
  switch (base) {
    case BOOLOID:
      appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
      return;
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case FLOAT4OID:
    case FLOAT8OID:
    case NUMERICOID:
      append_number(out, base, value);
      return;
    case DATEOID:
    case TIMESTAMPOID:
    case TIMESTAMPTZOID:
      append_time(out, base, value);
      return;
    case JSONOID:
    case JSONBOID:
      appendStringInfoString(out, text_of_value(base, value));
      return;
    default:
      break;
  }
  if (const Oid element = get_element_type(base); OidIsValid(element))
    append_array(out, element, value);
  else if (type_is_rowtype(base))
    append_row(out, value);
  else
    escape_json(out, text_of_value(base, value));
}

void append_json_member(StringInfo out, const char *name, Oid type, Datum value, bool isnull) {
  // An object that has just begun ends in its brace, and no value does.
  if (out->data[out->len - 1] != '{') appendStringInfoString(out, ", ");
  escape_json(out, name);
  appendStringInfoString(out, ": ");
  append_json(out, type, value, isnull);
}

Datum jsonb_of_text(const char *json) {
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(const_cast<char *>(json)));
}

Datum jsonb_of_row(Datum row) {
  StringInfoData out;
  initStringInfo(&out);
  append_json(&out, RECORDOID, row, false);
  return jsonb_of_text(out.data);
}

}  // namespace ratchet
