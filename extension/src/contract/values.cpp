#include "pg/pg.h"

extern "C" {
#include "catalog/pg_attribute.h"
#include "mb/pg_wchar.h"
}

#include <algorithm>

#include "contract/comparable.h"
#include "contract/errors.h"
#include "contract/values.h"
#include "pg/fence.h"
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

// A value on its way into a column's type.
struct Conversion {
  const char *argument;  // as the caller calls it
  Relation relation;
  const char *column;
  const char *text;  // nullptr: it does not matter
};

bool looks_like_object(const char *text) { return text[strspn(text, " \t\r\n")] == '{'; }

// The type's own message knows neither of them.
void name_conversion(void *argument) {
  const auto *conversion = static_cast<const Conversion *>(argument);
  errcontext("argument \"%s\" for column \"%s\" of relation \"%s\"", conversion->argument, conversion->column,
             RelationGetRelationName(conversion->relation));
  // A domain's check names its constraint instead.
  if (ERRCODE_TO_CATEGORY(geterrcode()) != ERRCODE_DATA_EXCEPTION) return;
  errtablecolname(conversion->relation, conversion->column);
  if (conversion->text != nullptr && looks_like_object(conversion->text))
    errhint("An object of the key's columns is passed as jsonb: '{\"%s\": ...}'::jsonb.", conversion->column);
}

template <typename Body>
auto named_in_errors(Conversion conversion, Body &&body) {
  ErrorContextCallback callback{error_context_stack, fenced<name_conversion>, &conversion};
  error_context_stack = &callback;
  auto result = body();
  error_context_stack = callback.previous;
  return result;
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

  for (int i = 0; i < fields.count; ++i) {
    Field &field = fields.items[i];
    field = named_in_errors({argument, relation, field.name, nullptr}, [&] {
      if (purpose == Purpose::compare)
        return field_of_comparable(relation, field.attnum, convert_member(relation, field.attnum, object));
      Field assigned = field;
      assigned.value = convert_assigned(relation, field.attnum, object, &assigned.isnull);
      return assigned;
    });
  }
  return fields;
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

Field convert_argument(Relation relation, AttrNumber attnum, FunctionCallInfo fcinfo, int argument, const char *name,
                       Purpose purpose) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  const Oid column = purpose == Purpose::set ? attribute->atttypid : getBaseType(attribute->atttypid);
  if (column == type_of_argument(fcinfo, argument)) {
    Field field = field_of_value(relation, attnum, PG_GETARG_DATUM(argument), false);
    field.type = column;
    return field;
  }
  const char *text = text_of_argument(fcinfo, argument);
  const bool is_key = purpose == Purpose::compare;
  return named_in_errors({name, relation, pstrdup(NameStr(attribute->attname)), is_key ? text : nullptr}, [&] {
    if (is_key) return field_of_comparable(relation, attnum, convert_text(relation, attnum, text));
    Oid input;
    Oid parameter;
    getTypeInputInfo(attribute->atttypid, &input, &parameter);
    const Datum value = OidInputFunctionCall(input, const_cast<char *>(text), parameter, attribute->atttypmod);
    return field_of_value(relation, attnum, value, false);
  });
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
