#include "pg/pg.h"

extern "C" {
#include "access/sysattr.h"
#include "access/transam.h"
#include "utils/builtins.h"
#include "utils/relcache.h"
}

#include "pg/guc_nest.h"
#include "pg/list.h"
#include "pg/primary_key_text.h"
#include "pg/quote.h"

namespace ratchet {

namespace {

// Quoted names of the primary key's columns.
List *key_columns(Relation relation) {
  List *columns = NIL;
  for (const int attnum : each_int(key_attnums(relation)))
    columns = lappend(columns, pstrdup(NameStr(TupleDescAttr(RelationGetDescr(relation), attnum - 1)->attname)));
  return columns;
}

const char *column_text_of(const char *expression) {
  return psprintf("CASE WHEN %s IS NOT NULL THEN pg_catalog.format('%%s', %s) END", expression, expression);
}

}  // namespace

List *key_attnums(Relation relation) {
  const Bitmapset *key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
  List *attnums = NIL;
  for (int member = -1; (member = bms_next_member(key, member)) >= 0;)
    attnums = lappend_int(attnums, member + FirstLowInvalidHeapAttributeNumber);
  return attnums;
}

int pin_key_text() {
  const int level = NewGUCNestLevel();
  set_local("datestyle", "ISO");
  set_local("extra_float_digits", "1");
  return level;
}

const char *key_text(Relation relation, const char *alias) {
  List *columns = key_columns(relation);
  if (columns == NIL) return "NULL::pg_catalog.text";
  if (list_length(columns) == 1) return column_text(alias, static_cast<const char *>(linitial(columns)));
  StringInfoData pairs;
  initStringInfo(&pairs);
  for (const auto *name : each<char>(columns)) {
    appendStringInfo(&pairs, "%s%s, %s", pairs.len > 0 ? ", " : "", quote_literal_cstr(name),
                     column_for_json(relation, alias, name));
  }
  return column_text_of(psprintf("pg_catalog.jsonb_build_object(%s)", pairs.data));
}

const char *column_text(const char *alias, const char *column) {
  return column_text_of(psprintf("%s.%s", alias, quote_identifier(column)));
}

const char *column_for_json(Relation relation, const char *alias, const char *column) {
  const Oid relid = RelationGetRelid(relation);
  const Oid type = getBaseType(get_atttype(relid, get_attnum(relid, column)));
  return type < FirstNormalObjectId ? psprintf("%s.%s", alias, quote_identifier(column)) : column_text(alias, column);
}

const char *is_among(Relation relation, const char *alias, const char *column, List *values) {
  const AttrNumber attnum = get_attnum(RelationGetRelid(relation), column);
  const Oid type = getBaseType(get_atttype(RelationGetRelid(relation), attnum));
  const bool is_text = type == TEXTOID || type == VARCHAROID;
  StringInfoData sql;
  initStringInfo(&sql);
  // Images are compared elsewhere, so a collation that finds different texts equal must not decide here.
  appendStringInfo(&sql, "%s.%s%s OPERATOR(pg_catalog.=) ANY (ARRAY[", alias, quote_identifier(column),
                   is_text ? " COLLATE pg_catalog.\"C\"" : "");
  ListCell *cell;
  foreach (cell, values)
    appendStringInfo(&sql, "%s%s", foreach_current_index(cell) > 0 ? ", " : "",
                     quote_literal_cstr(static_cast<const char *>(lfirst(cell))));
  appendStringInfo(&sql, "]::%s[])", is_text ? "pg_catalog.text" : format_type_be_qualified(type));
  return sql.data;
}

const char *key_order(Relation relation, const char *alias) {
  StringInfoData list;
  initStringInfo(&list);
  ListCell *cell;
  foreach (cell, key_columns(relation))
    appendStringInfo(&list, "%s%s.%s", list.len > 0 ? ", " : "", alias,
                     quote_identifier(static_cast<const char *>(lfirst(cell))));
  return list.len > 0 ? list.data : "NULL::pg_catalog.text";
}

}  // namespace ratchet
