#include "contract/json_member.h"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
}

namespace ratchet {

namespace {

// Whether jsonb_populate_record() would hand the JSON value's text to the type's input function.
bool is_scalar(Oid type) {
  return type != JSONOID && type != JSONBOID && !OidIsValid(get_element_type(type)) && !type_is_rowtype(type);
}

// Kept in the buffer; nullptr: there is none.
const JsonbValue *find_member(const Jsonb *object, const char *name, JsonbValue *buffer) {
  return getKeyJsonValueFromContainer(&const_cast<Jsonb *>(object)->root, name, static_cast<int>(strlen(name)), buffer);
}

// That text; nullptr: null.
char *text_of_member(const Jsonb *object, const char *name) {
  JsonbValue buffer;
  const JsonbValue *value = find_member(object, name, &buffer);
  if (value == nullptr) return nullptr;
  switch (value->type) {
    case jbvNull:
      return nullptr;
    case jbvString:
      return pnstrdup(value->val.string.val, value->val.string.len);
    case jbvNumeric:
      return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
    case jbvBool:
      return pstrdup(value->val.boolean ? "true" : "false");
    default:
      return JsonbToCString(nullptr, value->val.binary.data, value->val.binary.len);
  }
}

}  // namespace

MemberReader make_reader(const char *name, Oid type, int32 typmod) {
  MemberReader reader{};
  reader.name = name;
  reader.typmod = typmod;
  if (is_scalar(getBaseType(type))) {
    Oid input;
    getTypeInputInfo(type, &input, &reader.parameter);
    fmgr_info(input, &reader.function);
    return reader;
  }
  // PostgreSQL keeps an anonymous row type for the session: one for each column, not for each set of columns.
  reader.row = CreateTemplateTupleDesc(1);
  TupleDescInitEntry(reader.row, 1, name, type, typmod, 0);
  BlessTupleDesc(reader.row);
  Datum value = Datum(0);
  bool isnull = true;
  reader.blank = HeapTupleHeaderGetDatum(heap_form_tuple(reader.row, &value, &isnull)->t_data);
  fmgr_info(F_JSONB_POPULATE_RECORD, &reader.function);
  List *arguments = list_make2(makeNullConst(RECORDOID, -1, InvalidOid), makeNullConst(JSONBOID, -1, InvalidOid));
  fmgr_info_set_expr(reinterpret_cast<Node *>(makeFuncExpr(F_JSONB_POPULATE_RECORD, RECORDOID, arguments, InvalidOid,
                                                           InvalidOid, COERCE_EXPLICIT_CALL)),
                     &reader.function);
  return reader;
}

Datum read_member(MemberReader *reader, const Jsonb *object, bool *isnull) {
  if (reader->row == nullptr) {
    char *text = text_of_member(object, reader->name);
    *isnull = text == nullptr;
    return InputFunctionCall(&reader->function, text, reader->parameter, reader->typmod);
  }
  HeapTupleHeader record =
      DatumGetHeapTupleHeader(FunctionCall2(&reader->function, reader->blank, JsonbPGetDatum(object)));
  HeapTupleData tuple;
  tuple.t_len = HeapTupleHeaderGetDatumLength(record);
  ItemPointerSetInvalid(&tuple.t_self);
  tuple.t_tableOid = InvalidOid;
  tuple.t_data = record;
  return heap_getattr(&tuple, 1, reader->row, isnull);
}

bool has_member(const Jsonb *object, const char *name) {
  JsonbValue buffer;
  return find_member(object, name, &buffer) != nullptr;
}

}  // namespace ratchet
