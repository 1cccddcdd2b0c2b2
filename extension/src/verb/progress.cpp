// verb/progress.cpp: ratchet.progress(), and what the verbs answer about parents.
//
// It is read with the caller's rights: whoever may not read a parent's columns
// is told nothing about it, though his rows are counted.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/snapmgr.h"
}

#include "contract/distributed.h"
#include "contract/errors.h"
#include "pg/fence.h"
#include "pg/json_text.h"
#include "pg/list.h"
#include "pg/quote.h"
#include "tally/flush.h"
#include "tally/spill.h"
#include "tally/write_row.h"
#include "verb/progress.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

// Columns that tell about progress: counters, done, done_at, totals.
Bitmapset *telling_columns(const Counters *counters) {
  Bitmapset *columns = nullptr;
  for (int i = 0; i < counters->nguarded; ++i) columns = bms_add_member(columns, counters->guarded[i].attnum);
  for (int i = 0; i < counters->ncompletions; ++i)
    if (counters->completions[i].total != InvalidAttrNumber)
      columns = bms_add_member(columns, counters->completions[i].total);
  return columns;
}

Bitmapset *key_columns(const Counters *counters) {
  Bitmapset *columns = nullptr;
  for (int i = 0; i < counters->nkey; ++i) columns = bms_add_member(columns, counters->key[i].attnum);
  return columns;
}

// Where a number is in a list.
int place_in(const List *list, int member) {
  int place = 0;
  for (const int one : each_int(list)) {
    if (one == member) return place;
    ++place;
  }
  return -1;
}

// What write_progress() selects of the row, in its order.
List *selected_columns(const Counters *counters) {
  List *columns = NIL;
  for (const Bitmapset *set : {key_columns(counters), telling_columns(counters)})
    for (int attnum = -1; (attnum = bms_next_member(set, attnum)) >= 0;) columns = lappend_int(columns, attnum);
  return columns;
}

//   SELECT t."is_completed" AND ..., t."id", ..., t."total", ... FROM schema.parent t
void write_progress(StringInfo sql, const Counters *counters) {
  appendStringInfoString(sql, "SELECT ");
  bool any = false;
  for (int i = 0; i < counters->ncompletions; ++i) {
    // What a condition completes need not be the end: a first failure is in the columns only.
    if (counters->completions[i].done == InvalidAttrNumber || counters->completions[i].terms->when != nullptr) continue;
    appendStringInfo(sql, "%sCOALESCE(t.%s, false)", any ? " AND " : "",
                     quote_identifier(counters->completions[i].terms->done));
    any = true;
  }
  if (!any) appendStringInfoString(sql, "NULL::pg_catalog.bool");
  for (const int index : each_int(selected_columns(counters)))
    appendStringInfo(sql, ", t.%s",
                     quote_identifier(get_attname(counters->root, static_cast<AttrNumber>(index), false)));
  appendStringInfo(sql, " FROM %s t", qualified_relation(counters->root));
}

// The counter that is this column; nullptr: it is none.
const ParentCounter *find_counter(const Counters *counters, AttrNumber attnum) {
  for (int i = 0; i < counters->ncounters; ++i)
    if (counters->counters[i].attnum == attnum) return &counters->counters[i];
  return nullptr;
}

// The type that a column is answered with: where counts spill, a counter is a sum of several.
Oid told_type(const Counters *counters, AttrNumber attnum) {
  const ParentCounter *counter = counters->spill == nullptr ? nullptr : find_counter(counters, attnum);
  return counter == nullptr ? get_atttype(counters->root, attnum) : spilled_type(counter->type);
}

// Adds to the row what lies spilled for it in the snapshot that it was read in. Whoever may read the counter of the row
// may know what it is.
void tell_spilled(const Counters *counters, Snapshot snapshot, Row *row) {
  if (counters->spill == nullptr || !row->found) return;
  const List *columns = selected_columns(counters);
  Datum key[INDEX_MAX_KEYS];
  for (int i = 0; i < counters->nkey; ++i) key[i] = row->values[1 + place_in(columns, counters->key[i].attnum)];
  const Spilled spilled = read_spilled(counters, key, snapshot, true, PG_INT32_MAX);
  for (int i = 0; i < counters->ncounters; ++i) {
    const ParentCounter &counter = counters->counters[i];
    const int place = 1 + place_in(columns, counter.attnum);
    Delta exact = spilled.deltas[i];
    if (counter.type == NUMERICOID)
      row->values[place] = row->nulls[place] ? numeric_of(exact)
                                             : DirectFunctionCall2(numeric_add, row->values[place], numeric_of(exact));
    else
      add_count(&exact, row->nulls[place] ? 0 : int64_of(counter.type, row->values[place]));
    if (counter.type != NUMERICOID) row->values[place] = Int64GetDatum(exact.count);
    row->nulls[place] = false;
  }
}

// The object about a row that write_progress() has selected.
const char *json_of(const Counters *counters, const Row &row) {
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoString(&out, "{\"parent\": ");
  const Oid table = table_of_shard(counters->root);
  escape_json(&out, qualified_relation(OidIsValid(table) ? table : counters->root));
  appendStringInfoString(&out, ", \"key\": {");
  const int nkey = bms_num_members(key_columns(counters));
  int place = 0;
  ListCell *cell;
  foreach (cell, selected_columns(counters)) {
    if (place++ == nkey) appendStringInfoString(&out, "}, \"columns\": {");
    const auto attnum = static_cast<AttrNumber>(lfirst_int(cell));
    append_json_member(&out, get_attname(counters->root, attnum, false), told_type(counters, attnum), row.values[place],
                       row.nulls[place]);
  }
  appendStringInfoString(&out, "}, \"done\": ");
  append_json(&out, BOOLOID, row.values[0], row.nulls[0]);
  appendStringInfoChar(&out, '}');
  return out.data;
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

// The row, and what lies spilled for it, in one snapshot: a fold between the two would be seen by half.
Row run_exact(const Statement *statement, const Parameters &parameters, const Counters *counters) {
  if (counters->spill == nullptr) return run_statement(statement, parameters, counters->root, nullptr);
  CommandCounterIncrement();
  const Snapshot snapshot = RegisterSnapshot(GetTransactionSnapshot());
  Row row = run_statement(statement, parameters, counters->root, nullptr, snapshot);
  tell_spilled(counters, snapshot, &row);
  UnregisterSnapshot(snapshot);
  return row;
}

// The object about one row by the key that tallies reference; not found where the caller does not see it.
Row row_progress(Counters *counters, const Datum *key) {
  const Parameters parameters = key_parameters(counters, key);
  Signature signature{};
  sign(&signature, StatementKind::progress);
  const Statement *statement = find_statement(counters, signature);
  if (statement == nullptr) {
    SqlWriter writer;
    init_writer(&writer);
    write_progress(&writer.sql, counters);
    write_row_key(&writer, counters);
    statement = prepare_statement(counters, signature, writer.sql.data, parameters);
  }
  return run_exact(statement, parameters, counters);
}

// The same by any unique key.
Row progress_by_key(Counters *counters, Relation parent, const Fields &key) {
  Parameters parameters{};
  add_parameters(&parameters, key);
  Signature signature{};
  sign(&signature, StatementKind::progress);
  sign(&signature, key);
  const Statement *statement = find_statement(counters, signature);
  if (statement == nullptr) {
    SqlWriter writer;
    init_writer(&writer);
    write_progress(&writer.sql, counters);
    write_key(&writer, Target{parent, nullptr, key, InvalidOid, nullptr});
    statement = prepare_statement(counters, signature, writer.sql.data, parameters);
  }
  return run_exact(statement, parameters, counters);
}

Datum progress(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) error_null_argument("parent");
  Oid relid = PG_GETARG_OID(0);
  require_right(relid, ACL_SELECT);
  if (is_distributed(relid)) relid = require_local_shard(relid, place_of(relid, fcinfo), ShardUse::read);
  Relation parent = try_relation_open(relid, AccessShareLock);
  if (parent == nullptr)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid));
  if (find_trigger(parent, TriggerKind::parent) == nullptr)
    ereport(ERROR, errcode(sqlstate_unenforceable),
            errmsg("relation \"%s\" has no tally", RelationGetRelationName(parent)),
            errhint("Declare one with ratchet.tally()."), errtable(parent));
  const Fields key = read_key(parent, single_primary_key(parent), fcinfo, 1);
  flush_pending(InvalidOid);
  Counters *counters = require_counters(parent);
  const Row row = progress_by_key(counters, parent, key);
  relation_close(parent, NoLock);
  Datum values[2] = {CStringGetTextDatum(row.found ? "found" : "not_found"), Datum(0)};
  bool nulls[2] = {false, !row.found};
  if (row.found) values[1] = jsonb_of_text(json_of(counters, row));
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
  for (const Oid oid : each_oid(roots)) {
    List *entries = NIL;
    ListCell *entry;
    foreach (entry, touched)
      if (static_cast<const Pending *>(lfirst(entry))->key.counters->root == oid)
        entries = lappend(entries, lfirst(entry));
    Counters *counters = current_counters(oid, AccessShareLock);
    if (!may_read(counters)) continue;
    foreach (entry, merged(entries, counters)) {
      const Row row = row_progress(counters, static_cast<const Pending *>(lfirst(entry))->key.values);
      if (row.found) appendStringInfo(&array, "%s%s", array.len > 0 ? ", " : "", json_of(counters, row));
    }
  }
  return jsonb_of_text(psprintf("[%s]", array.data));
}

Watch start_watching(FunctionCallInfo fcinfo, int argument) {
  Watch watch{};
  // The declarations of 0.1.0 have no such argument, and mean it.
  watch.asked = argument >= PG_NARGS() || (!PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument));
  if (!watch.asked) return watch;
  watch.since = pending_serial();
  watch.watched = watch_entries(true);
  return watch;
}

void stop_watching(const Watch &watch) {
  if (watch.asked) watch_entries(watch.watched);
}

bool end_watching(const Watch &watch, bool done, Datum *progress) {
  if (!watch.asked) return false;
  bool any = false;
  if (done && pending_serial() > watch.since) *progress = progress_since(watch.since, &any);
  stop_watching(watch);
  return any;
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_progress) { return ratchet::progress(fcinfo); }
