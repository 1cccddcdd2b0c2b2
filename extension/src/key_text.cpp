#include "pg/pg.h"

extern "C" {
#include "access/sysattr.h"
#include "utils/relcache.h"
}

#include "key_text.h"
#include "sqltext.h"

namespace ratchet {

namespace {

// Quoted names of the primary key's columns.
List *key_columns(Relation relation) {
  const Bitmapset *key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
  List *columns = NIL;
  for (int member = -1; (member = bms_next_member(key, member)) >= 0;) {
    const int attnum = member + FirstLowInvalidHeapAttributeNumber;
    columns = lappend(columns, pstrdup(NameStr(TupleDescAttr(RelationGetDescr(relation), attnum - 1)->attname)));
  }
  return columns;
}

}  // namespace

const char *key_text(Relation relation, const char *alias) {
  List *columns = key_columns(relation);
  if (columns == NIL) return "NULL::pg_catalog.text";
  if (list_length(columns) == 1)
    return psprintf("%s.%s::pg_catalog.text", alias, quote_identifier(static_cast<const char *>(linitial(columns))));
  StringInfoData pairs;
  initStringInfo(&pairs);
  ListCell *cell;
  foreach (cell, columns) {
    const auto *name = static_cast<const char *>(lfirst(cell));
    appendStringInfo(&pairs, "%s%s, %s.%s", pairs.len > 0 ? ", " : "", quote_literal_cstr(name), alias,
                     quote_identifier(name));
  }
  return psprintf("pg_catalog.jsonb_build_object(%s)::pg_catalog.text", pairs.data);
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
