// progress.cpp: ratchet.progress(), and what the verbs answer about parents.
//
// It is read with the caller's rights: whoever may not read a parent's columns
// is told nothing about it, though his rows are counted.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
}

#include "errors.h"
#include "flush.h"
#include "pg/fence.h"
#include "progress.h"
#include "sqltext.h"
#include "verb.h"

namespace ratchet {

namespace {

// A function takes 100 arguments.
constexpr int pairs_at_once = 40;

// Columns that tell about progress: counters, done, done_at, totals.
Bitmapset *telling_columns(const Counters *counters) {
  Bitmapset *columns = nullptr;
  for (int i = 0; i < counters->nguarded; ++i) columns = bms_add_member(columns, counters->guarded[i].attnum);
  for (int i = 0; i < counters->ncompletions; ++i) columns = bms_add_member(columns, counters->completions[i].total);
  return columns;
}

//   pg_catalog.jsonb_build_object('c', t."c", ...)
void write_object(StringInfo sql, Oid relation, const Bitmapset *columns) {
  appendStringInfoString(sql, "pg_catalog.jsonb_build_object(");
  int written = 0;
  for (int attnum = -1; (attnum = bms_next_member(columns, attnum)) >= 0; ++written) {
    const char *name = get_attname(relation, static_cast<AttrNumber>(attnum), false);
    if (written > 0 && written % pairs_at_once == 0)
      appendStringInfoString(sql, ") OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(");
    else if (written > 0)
      appendStringInfoString(sql, ", ");
    appendStringInfo(sql, "%s, t.%s", quote_literal_cstr(name), quote_identifier(name));
  }
  appendStringInfoChar(sql, ')');
}

Bitmapset *key_columns(const Counters *counters) {
  Bitmapset *columns = nullptr;
  for (int i = 0; i < counters->nkey; ++i) columns = bms_add_member(columns, counters->key[i].attnum);
  return columns;
}

//   SELECT pg_catalog.jsonb_build_object('parent', 'public.runs', 'key', <object>, 'columns', <object>,
//                                        'done', t."is_completed" AND ...) FROM schema.parent t
void write_progress(StringInfo sql, const Counters *counters) {
  appendStringInfo(sql, "SELECT pg_catalog.jsonb_build_object('parent', %s, 'key', ",
                   quote_literal_cstr(qualified_relation(counters->root)));
  write_object(sql, counters->root, key_columns(counters));
  appendStringInfoString(sql, ", 'columns', ");
  write_object(sql, counters->root, telling_columns(counters));
  appendStringInfoString(sql, ", 'done', ");
  bool any = false;
  for (int i = 0; i < counters->ncompletions; ++i) {
    if (counters->completions[i].done == InvalidAttrNumber) continue;
    appendStringInfo(sql, "%sCOALESCE(t.%s, false)", any ? " AND " : "",
                     quote_identifier(counters->completions[i].terms->done));
    any = true;
  }
  appendStringInfo(sql, "%s) FROM %s t", any ? "" : "NULL::pg_catalog.bool", qualified_relation(counters->root));
}

bool may_read(const Counters *counters) {
  if (!may_use_schema(get_rel_namespace(counters->root), GetUserId())) return false;
  if (pg_class_aclcheck(counters->root, GetUserId(), ACL_SELECT) == ACLCHECK_OK) return true;
  const Bitmapset *columns = bms_union(key_columns(counters), telling_columns(counters));
  for (int attnum = -1; (attnum = bms_next_member(columns, attnum)) >= 0;)
    if (pg_attribute_aclcheck(counters->root, static_cast<AttrNumber>(attnum), GetUserId(), ACL_SELECT) != ACLCHECK_OK)
      return false;
  return true;
}

// The object about one row by the key that tallies reference; not found where the caller does not see it.
Row row_progress(Counters *counters, const Datum *key) {
  Parameters parameters{};
  for (int i = 0; i < counters->nkey; ++i) add_parameter(&parameters, counters->key[i].type, key[i], false);
  Signature signature{};
  sign(&signature, Template::progress);
  const Statement *statement = find_statement(counters, signature);
  if (statement == nullptr) {
    Writer writer;
    start(&writer);
    write_progress(&writer.sql, counters);
    write_row_key(&writer, counters);
    statement = prepare_statement(counters, signature, writer.sql.data, parameters);
  }
  return run_statement(statement, parameters, counters->root, nullptr);
}

// The same by any unique key.
Row progress_by_key(Counters *counters, Relation parent, const Fields &key) {
  Parameters parameters{};
  add_parameters(&parameters, key);
  Signature signature{};
  sign(&signature, Template::progress);
  sign(&signature, key);
  const Statement *statement = find_statement(counters, signature);
  if (statement == nullptr) {
    Writer writer;
    start(&writer);
    write_progress(&writer.sql, counters);
    write_key(&writer, Target{parent, nullptr, key});
    statement = prepare_statement(counters, signature, writer.sql.data, parameters);
  }
  return run_statement(statement, parameters, counters->root, nullptr);
}

Datum progress(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) error_null_argument("parent");
  const Oid relid = PG_GETARG_OID(0);
  require_right(relid, ACL_SELECT);
  Relation parent = try_relation_open(relid, AccessShareLock);
  if (parent == nullptr)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid));
  if (find_trigger(parent, Role::counters) == nullptr)
    ereport(ERROR, errcode(sqlstate_unenforceable),
            errmsg("relation \"%s\" has no tally", RelationGetRelationName(parent)),
            errhint("Declare one with ratchet.tally()."), (report_table(parent), 0));
  const Fields key = read_key(parent, single_primary_key(parent), fcinfo, 1);
  flush_pending(InvalidOid);
  const Row row = progress_by_key(require_counters(parent), parent, key);
  relation_close(parent, NoLock);
  Datum values[2] = {CStringGetTextDatum(row.found ? "found" : "not_found"), Datum(0)};
  bool nulls[2] = {false, !row.found};
  if (row.found) values[1] = row.values[0];
  return answer_row(fcinfo, values, nulls);
}

}  // namespace

Datum progress_since(uint64 serial, bool *any) {
  // Before they are written: then they are pending no more.
  const List *touched = any_pending() && pending_serial() > serial ? pending_entries(serial) : NIL;
  flush_pending(InvalidOid);
  *any = touched != NIL;
  StringInfoData array;
  initStringInfo(&array);
  List *roots = NIL;
  ListCell *cell;
  foreach (cell, touched)
    roots = list_append_unique_oid(roots, static_cast<const Pending *>(lfirst(cell))->key.counters->root);
  foreach (cell, roots) {
    List *entries = NIL;
    ListCell *entry;
    foreach (entry, touched)
      if (static_cast<const Pending *>(lfirst(entry))->key.counters->root == lfirst_oid(cell))
        entries = lappend(entries, lfirst(entry));
    Counters *counters = current_counters(lfirst_oid(cell), AccessShareLock);
    if (!may_read(counters)) continue;
    foreach (entry, merged(entries, counters)) {
      const Row row = row_progress(counters, static_cast<const Pending *>(lfirst(entry))->key.values);
      if (row.found)
        appendStringInfo(&array, "%s%s", array.len > 0 ? ", " : "",
                         DatumGetCString(DirectFunctionCall1(jsonb_out, row.values[0])));
    }
  }
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("[%s]", array.data)));
}

Watch start_watching() {
  const Watch watch{pending_serial(), watch_entries(true)};
  return watch;
}

bool end_watching(const Watch &watch, bool done, Datum *progress) {
  bool any = false;
  if (done && pending_serial() > watch.since) *progress = progress_since(watch.since, &any);
  watch_entries(watch.watched);
  return any;
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_progress) { return ratchet::progress(fcinfo); }
