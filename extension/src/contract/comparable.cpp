#include "pg/pg.h"

extern "C" {
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
}

#include "contract/comparable.h"
#include "contract/errors.h"
#include "contract/json_member.h"
#include "pg/memory.h"

namespace ratchet {

namespace {

// What a type's values are converted as.
struct Shape {
  Oid type;
  int32 typmod;  // of an anonymous row type; otherwise -1
};

// The column that the value is for, for errors.
struct Place {
  Relation relation;
  const char *column;
};

Shape shape_of(const Place &place, Oid type);

[[noreturn]] void refuse(const Place &place, Oid type) {
  error_column_unfit(
      ERRCODE_INVALID_PARAMETER_VALUE, place.relation, place.column,
      "column \"%s\" of relation \"%s\" has type %s, which cannot be compared without the checks of a domain",
      format_type_be(type));
}

Shape shape_of_array(const Place &place, Oid type, Oid element) {
  const Shape shape = shape_of(place, element);
  if (shape.type == element) return {type, -1};
  if (shape.type == RECORDOID) return {RECORDARRAYOID, shape.typmod};
  const Oid array = get_array_type(shape.type);
  if (!OidIsValid(array)) refuse(place, type);
  return {array, -1};
}

// An anonymous row with the shapes of the columns, where these are not their types.
Shape shape_of_row(const Place &place, Oid type) {
  const TupleDesc tupdesc = lookup_rowtype_tupdesc_copy(type, -1);
  bool differs = false;
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (attribute->attisdropped) continue;
    const Shape shape = shape_of(place, attribute->atttypid);
    if (shape.type == attribute->atttypid && shape.typmod == attribute->atttypmod) continue;
    differs = true;
    // A domain's values have the form of its base type's, so nothing but these changes.
    attribute->atttypid = shape.type;
    attribute->atttypmod = shape.typmod;
  }
  if (!differs) return {type, -1};
  tupdesc->tdtypeid = RECORDOID;
  tupdesc->tdtypmod = -1;
  return {RECORDOID, BlessTupleDesc(tupdesc)->tdtypmod};
}

Shape shape_of(const Place &place, Oid type) {
  check_stack_depth();
  const Oid base = getBaseType(type);
  if (const Oid element = get_element_type(base); OidIsValid(element)) return shape_of_array(place, base, element);
  switch (get_typtype(base)) {
    case TYPTYPE_COMPOSITE:
      return shape_of_row(place, base);
    case TYPTYPE_RANGE:
      if (const Oid subtype = get_range_subtype(base); shape_of(place, subtype).type != subtype) refuse(place, base);
      break;
    case TYPTYPE_MULTIRANGE:
      shape_of(place, get_multirange_range(base));
      break;
    default:
      break;
  }
  return {base, -1};
}

Datum labelled(Oid type, const Shape &shape, const Place &place, Datum value);

Datum labelled_array(Oid element, const Place &place, Datum value) {
  const Shape shape = shape_of(place, element);
  ArrayType *array = DatumGetArrayTypeP(value);
  int16 length;
  bool by_value;
  char alignment;
  get_typlenbyvalalign(element, &length, &by_value, &alignment);
  Datum *values;
  bool *nulls;
  int count;
  deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, alignment, &values, &nulls, &count);
  for (int i = 0; i < count; ++i)
    if (!nulls[i]) values[i] = labelled(element, shape, place, values[i]);
  return PointerGetDatum(construct_md_array(values, nulls, ARR_NDIM(array), ARR_DIMS(array), ARR_LBOUND(array), element,
                                            length, by_value, alignment));
}

Datum labelled_row(Oid type, const Place &place, Datum value) {
  HeapTupleHeader header = DatumGetHeapTupleHeader(value);
  HeapTupleData tuple;
  tuple.t_len = HeapTupleHeaderGetDatumLength(header);
  ItemPointerSetInvalid(&tuple.t_self);
  tuple.t_tableOid = InvalidOid;
  tuple.t_data = header;
  const TupleDesc tupdesc = lookup_rowtype_tupdesc_copy(type, -1);
  auto *values = palloc_array<Datum>(tupdesc->natts);
  auto *nulls = palloc_array<bool>(tupdesc->natts);
  heap_deform_tuple(&tuple, tupdesc, values, nulls);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Oid column = TupleDescAttr(tupdesc, i)->atttypid;
    if (!nulls[i] && OidIsValid(column)) values[i] = labelled(column, shape_of(place, column), place, values[i]);
  }
  return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}

// A value of the shape as one of the type.
Datum labelled(Oid type, const Shape &shape, const Place &place, Datum value) {
  const Oid base = getBaseType(type);
  if (shape.type == base) return value;
  const Oid element = get_element_type(base);
  return OidIsValid(element) ? labelled_array(element, place, value) : labelled_row(base, place, value);
}

Datum input(const Shape &shape, char *text) {
  Oid function;
  Oid parameter;
  getTypeInputInfo(shape.type, &function, &parameter);
  return OidInputFunctionCall(function, text, parameter, shape.typmod);
}

// What jsonb_populate_record() makes of the object's member, as a value of the shape.
Datum convert_as(const Shape &shape, const char *name, const Jsonb *object, bool *isnull) {
  MemberReader reader = make_reader(name, shape.type, shape.typmod);
  return read_member(&reader, object, isnull);
}

Comparable comparable(const Place &place, Oid type, const Shape &shape, Datum value, bool isnull) {
  return {getBaseType(type), isnull ? Datum(0) : labelled(type, shape, place, value), isnull};
}

}  // namespace

Comparable convert_text(Relation relation, AttrNumber attnum, const char *text) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  const Place place{relation, pstrdup(NameStr(attribute->attname))};
  const Oid type = attribute->atttypid;
  const Shape shape = shape_of(place, type);
  return comparable(place, type, shape, input(shape, const_cast<char *>(text)), false);
}

Comparable convert_member(Relation relation, AttrNumber attnum, const Jsonb *object) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  const Place place{relation, pstrdup(NameStr(attribute->attname))};
  const Oid type = attribute->atttypid;
  const Shape shape = shape_of(place, type);
  bool isnull;
  const Datum value = convert_as(shape, place.column, object, &isnull);
  return comparable(place, type, shape, value, isnull);
}

Datum convert_assigned(Relation relation, AttrNumber attnum, const Jsonb *object, bool *isnull) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  return convert_as({attribute->atttypid, attribute->atttypmod}, pstrdup(NameStr(attribute->attname)), object, isnull);
}

}  // namespace ratchet
