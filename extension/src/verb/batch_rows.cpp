#include "verb/batch_rows.h"

extern "C" {
#include "catalog/pg_attribute.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"
}

#include "contract/errors.h"
#include "pg/guc_nest.h"
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

// Whether some record leaves out a column whose domain has constraints: NULL, which stands for it until it gets its
// default, may violate them.
bool leaves_out_domain(const Batch &batch) {
  const TupleDesc tupdesc = RelationGetDescr(batch.child);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    const bool named =
        bms_is_member(attribute->attnum, batch.columns) && !bms_is_member(attribute->attnum, batch.optional);
    if (!named && !attribute->attisdropped && get_typtype(attribute->atttypid) == TYPTYPE_DOMAIN &&
        DomainHasConstraints(attribute->atttypid))
      return true;
  }
  return false;
}

//   name type COLLATE ..., ...
// of the columns that records name, as their base types: the INSERT converts, and checks what will be stored.
void write_definitions(StringInfo sql, const Batch &batch) {
  const int level = NewGUCNestLevel();
  pin_text_settings();
  bool first = true;
  for (int attnum = -1; (attnum = bms_next_member(batch.columns, attnum)) >= 0; first = false) {
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(batch.child), attnum - 1);
    int32 typmod = attribute->atttypmod;
    const Oid type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
    appendStringInfo(sql, "%s%s %s", first ? "" : ", ", quote_identifier(NameStr(attribute->attname)),
                     format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
    if (OidIsValid(attribute->attcollation) && type_is_collatable(type))
      appendStringInfo(sql, " COLLATE %s", generate_collation_name(attribute->attcollation));
  }
  AtEOXact_GUC(true, level);
}

//   ROWS FROM (pg_catalog.jsonb_populate_recordset(NULL::schema.child, $1)) WITH ORDINALITY AS r (c1, c2, ..., o)
// or, where a record may lack a column,
//   pg_catalog.jsonb_array_elements($1) WITH ORDINALITY AS e (record, o)
//   CROSS JOIN LATERAL ROWS FROM (pg_catalog.jsonb_populate_record(NULL::schema.child, e.record)) AS r (c1, c2, ...)
// The table's row type rather than the names of its columns' types: the caller need not be able to look these up, and
// they may be renamed at any time. Only where that would check what is not going to be stored
//   pg_catalog.jsonb_to_recordset($1) AS (<definitions>), and pg_catalog.jsonb_to_record(e.record) AS (<definitions>)
void write_records(StringInfo sql, const Batch &batch) {
  const bool uniform = bms_is_empty(batch.optional);
  const bool by_definition = leaves_out_domain(batch);
  if (!uniform)
    appendStringInfoString(sql,
                           "pg_catalog.jsonb_array_elements($1) WITH ORDINALITY AS e (record, o) CROSS JOIN LATERAL ");
  const char *set = uniform ? "set" : "";
  const char *records = uniform ? "$1" : "e.record";
  appendStringInfoString(sql, "ROWS FROM (");
  if (by_definition) {
    appendStringInfo(sql, "pg_catalog.jsonb_to_record%s(%s) AS (", set, records);
    write_definitions(sql, batch);
    appendStringInfoChar(sql, ')');
  } else {
    appendStringInfo(sql, "pg_catalog.jsonb_populate_record%s(NULL::%s, %s)", set,
                     qualified_relation(RelationGetRelid(batch.child)), records);
  }
  appendStringInfo(sql, ")%s AS r (", uniform ? " WITH ORDINALITY" : "");
  const TupleDesc tupdesc = RelationGetDescr(batch.child);
  bool first = true;
  for (int i = 0; i < tupdesc->natts; ++i) {
    if (TupleDescAttr(tupdesc, i)->attisdropped || (by_definition && !bms_is_member(i + 1, batch.columns))) continue;
    appendStringInfo(sql, "%sc%d", first ? "" : ", ", i + 1);
    first = false;
  }
  appendStringInfoString(sql, uniform ? ", o)" : ")");
}

// A column's collation, if everybody can look it up: a default may bring another one.
const char *collate_text(const Form_pg_attribute attribute) {
  if (!OidIsValid(attribute->attcollation) || attribute->attcollation >= FirstNormalObjectId) return "";
  return psprintf(" COLLATE %s", generate_collation_name(attribute->attcollation));
}

}  // namespace

void write_rows(StringInfo sql, const Batch &batch) {
  const TupleDesc tupdesc = RelationGetDescr(batch.child);
  appendStringInfoString(sql, "SELECT ");
  for (int attnum = -1; (attnum = bms_next_member(batch.columns, attnum)) >= 0;) {
    if (bms_is_member(attnum, batch.optional))
      appendStringInfo(sql, "(CASE WHEN pg_catalog.jsonb_exists(e.record, %s) THEN r.c%d ELSE %s END)%s AS c%d, ",
                       quote_literal_cstr(NameStr(TupleDescAttr(tupdesc, attnum - 1)->attname)), attnum,
                       default_text(batch.child, static_cast<AttrNumber>(attnum)),
                       collate_text(TupleDescAttr(tupdesc, attnum - 1)), attnum);
    else
      appendStringInfo(sql, "r.c%d, ", attnum);
  }
  appendStringInfo(sql, "%s FROM ", bms_is_empty(batch.optional) ? "r.o" : "e.o");
  write_records(sql, batch);
}

}  // namespace ratchet
