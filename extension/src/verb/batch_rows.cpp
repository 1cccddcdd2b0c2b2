#include "verb/batch_rows.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/ruleutils.h"
}

#include "contract/errors.h"
#include "contract/json_member.h"
#include "pg/fence.h"
#include "pg/guc_nest.h"
#include "pg/memory.h"
#include "pg/quote.h"

namespace ratchet {

namespace {

// What an omitted column gets, as SQL.
const char *default_text(Relation child, AttrNumber attnum) {
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(child), attnum - 1);
  Node *expression = build_column_default(child, attnum);
  if (expression == nullptr) return psprintf("NULL::%s", qualified_type(attribute->atttypid));
  if (attribute->attidentity != '\0')
    error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, child, NameStr(attribute->attname),
                       "column \"%s\" of relation \"%s\" is an identity column: all records must name it, or none");
  const int level = NewGUCNestLevel();
  pin_text_settings();
  const char *text = deparse_expression(expression, NIL, false, false);
  AtEOXact_GUC(true, level);
  return text;
}

//   ROWS FROM (pg_catalog.unnest($1)) WITH ORDINALITY AS r (c1, c2, ..., o)
// and, where a record may lack a column,
//   ROWS FROM (pg_catalog.unnest($1), pg_catalog.jsonb_array_elements($2)) WITH ORDINALITY AS r (c1, c2, ..., record,
//   o)
void write_records(StringInfo sql, const Batch &batch) {
  const bool uniform = bms_is_empty(batch.optional);
  appendStringInfo(sql, "ROWS FROM (pg_catalog.unnest($1)%s) WITH ORDINALITY AS r (",
                   uniform ? "" : ", pg_catalog.jsonb_array_elements($2)");
  const TupleDesc tupdesc = RelationGetDescr(batch.child);
  for (int i = 0; i < tupdesc->natts; ++i)
    if (!TupleDescAttr(tupdesc, i)->attisdropped) appendStringInfo(sql, "c%d, ", i + 1);
  appendStringInfoString(sql, uniform ? "o)" : "record, o)");
}

// A column's collation, if everybody can look it up: a default may bring another one.
const char *collate_text(const Form_pg_attribute attribute) {
  if (!OidIsValid(attribute->attcollation) || attribute->attcollation >= FirstNormalObjectId) return "";
  return psprintf(" COLLATE %s", generate_collation_name(attribute->attcollation));
}

// The member of a record that is being converted.
struct Place {
  Relation child;
  int index;
  const char *column;
};

// An error context callback; argument: the Place. The type's own message knows nothing of it.
void name_member(void *argument) {
  const auto *place = static_cast<const Place *>(argument);
  errcontext("argument \"records\", index %d, for column \"%s\" of relation \"%s\"", place->index, place->column,
             RelationGetRelationName(place->child));
  // A domain's check names its constraint instead.
  if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_DATA_EXCEPTION) errtablecolname(place->child, place->column);
}

}  // namespace

// Only what a record names is converted: a column that it does not name gets its default, and NULL, which stands for it
// until then, may be refused by a domain.
Datum read_records(const Batch &batch) {
  const TupleDesc tupdesc = RelationGetDescr(batch.child);
  auto *readers = palloc_array<MemberReader>(tupdesc->natts);
  for (int attnum = -1; (attnum = bms_next_member(batch.columns, attnum)) >= 0;) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, attnum - 1);
    readers[attnum - 1] = make_reader(NameStr(attribute->attname), attribute->atttypid, attribute->atttypmod);
  }
  auto *rows = palloc_array<Datum>(batch.count);
  auto *values = palloc0_array<Datum>(tupdesc->natts);
  auto *nulls = palloc_array<bool>(tupdesc->natts);
  MemoryContext memory = CurrentMemoryContext;
  MemoryContext per_record = AllocSetContextCreate(memory, "ratchet record", ALLOCSET_DEFAULT_SIZES);
  Place place{batch.child, 0, ""};
  ErrorContextCallback callback{error_context_stack, fenced<name_member>, &place};
  for (; place.index < batch.count; ++place.index) {
    CHECK_FOR_INTERRUPTS();
    MemoryContextSwitchTo(per_record);
    const Jsonb *record = JsonbValueToJsonb(getIthJsonbValueFromContainer(&batch.records->root, place.index));
    memset(nulls, true, sizeof(bool) * tupdesc->natts);
    error_context_stack = &callback;
    for (int attnum = -1; (attnum = bms_next_member(batch.columns, attnum)) >= 0;) {
      MemberReader *reader = &readers[attnum - 1];
      if (bms_is_member(attnum, batch.optional) && !has_member(record, reader->name)) continue;
      place.column = reader->name;
      values[attnum - 1] = read_member(reader, record, &nulls[attnum - 1]);
    }
    error_context_stack = callback.previous;
    MemoryContextSwitchTo(memory);
    rows[place.index] = HeapTupleHeaderGetDatum(heap_form_tuple(tupdesc, values, nulls)->t_data);
    MemoryContextReset(per_record);
  }
  return PointerGetDatum(construct_array(rows, batch.count, tupdesc->tdtypeid, -1, false, TYPALIGN_DOUBLE));
}

void write_rows(StringInfo sql, const Batch &batch) {
  const TupleDesc tupdesc = RelationGetDescr(batch.child);
  appendStringInfoString(sql, "SELECT ");
  for (int attnum = -1; (attnum = bms_next_member(batch.columns, attnum)) >= 0;) {
    if (bms_is_member(attnum, batch.optional))
      appendStringInfo(sql, "(CASE WHEN pg_catalog.jsonb_exists(r.record, %s) THEN r.c%d ELSE %s END)%s AS c%d, ",
                       quote_literal_cstr(NameStr(TupleDescAttr(tupdesc, attnum - 1)->attname)), attnum,
                       default_text(batch.child, static_cast<AttrNumber>(attnum)),
                       collate_text(TupleDescAttr(tupdesc, attnum - 1)), attnum);
    else
      appendStringInfo(sql, "r.c%d, ", attnum);
  }
  appendStringInfoString(sql, "r.o FROM ");
  write_records(sql, batch);
}

}  // namespace ratchet
