// verb/submit_batch.cpp: ratchet.submit_batch(), storing many records of a counted table in one statement.
//
//   INSERT INTO schema.child ("run_id", ...)
//   SELECT s.c1, ... FROM (SELECT ... ORDER BY <unique keys>, o OFFSET 0) s
//   WHERE ratchet._take(s.o) ON CONFLICT DO NOTHING
//
// Batches that overlap wait for each other at equal keys. Every batch inserts
// in the order of its keys, so they cannot wait in a circle at those of one index. No
// order of the records is that of several indexes, and one with expressions or a condition is not sorted by: there
// the deadlock detector decides.
//
// Which record was a duplicate: the executor inserts each row before it asks
// for the next one, and _take() is evaluated as each is asked for. So the number
// of rows that the statement has inserted by then, compared with the number at
// the next, tells of each record whether it was.
#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "optimizer/optimizer.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteHandler.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/rls.h"
#include "utils/syscache.h"
}

#include <algorithm>

#include "contract/distributed.h"
#include "contract/errors.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "tally/flush.h"
#include "verb/batch_rows.h"
#include "verb/full.h"
#include "verb/progress.h"
#include "verb/record.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

// A run of the statement.
struct Run {
  Permission *permission;  // whose executor run it is
  int count;               // of records
  int taken;
  int *order;        // ordinals, from 0, in the order in which they were taken
  uint64 *inserted;  // rows that had been inserted when each was taken
};

Run *current_run;

struct Duplicate {
  int index;
  const char *constraint;  // nullptr: not known
  int same_as;             // -1: of a stored row
};

// index: of the record that is no object; -1: they are no array.
[[noreturn]] void refuse_records(const Jsonb *records, int index) {
  const char *encoded_twice = hint_encoded_twice(records);
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("records must be a JSON array of objects"),
          index < 0 ? 0 : errdetail("The record at index %d is no object.", index),
          errhint("%s", encoded_twice != nullptr
                            ? encoded_twice
                            : "For example '[{\"run_id\": 1, \"question_id\": 7, \"is_correct\": true}]'."));
  pg_unreachable();
}

AttrNumber column_of(Relation child, const char *name, int length) {
  const TupleDesc tupdesc = RelationGetDescr(child);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (attribute->attisdropped || strncmp(NameStr(attribute->attname), name, length) != 0 ||
        NameStr(attribute->attname)[length] != '\0')
      continue;
    if (attribute->attgenerated != '\0')
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, child, NameStr(attribute->attname),
                         "column \"%s\" of relation \"%s\" is generated and cannot be set");
    if (attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, child, NameStr(attribute->attname),
                         "column \"%s\" of relation \"%s\" is an identity column and cannot be set");
    return attribute->attnum;
  }
  error_no_column(ERRCODE_INVALID_PARAMETER_VALUE, child, pnstrdup(name, std::min(length, NAMEDATALEN - 1)));
}

// Whether two objects have the same names. In every object these are sorted and lie
// before all values, the lengths in its first entries.
bool same_names(const JsonbContainer *a, const JsonbContainer *b) {
  const int count = static_cast<int>(JsonContainerSize(a));
  if (count != static_cast<int>(JsonContainerSize(b)) || memcmp(a->children, b->children, sizeof(JEntry) * count) != 0)
    return false;
  return memcmp(&a->children[2 * count], &b->children[2 * count], getJsonbOffset(a, count)) == 0;
}

Bitmapset *columns_of(Relation child, JsonbContainer *record) {
  Bitmapset *columns = nullptr;
  JsonbIterator *iterator = JsonbIteratorInit(record);
  JsonbValue value;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE;)
    if (token == WJB_KEY)
      columns = bms_add_member(columns, column_of(child, value.val.string.val, value.val.string.len));
  return columns;
}

// Which columns the records name, all of them or some. Most batches name the same ones in every record.
void read_columns(Batch *batch) {
  if (!JB_ROOT_IS_ARRAY(batch->records) || JB_ROOT_IS_SCALAR(batch->records)) refuse_records(batch->records, -1);
  Bitmapset *common = nullptr;
  const JsonbContainer *before = nullptr;
  JsonbIterator *iterator = JsonbIteratorInit(&batch->records->root);
  JsonbValue value;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE;) {
    if (token != WJB_ELEM) continue;
    if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
      refuse_records(batch->records, batch->count);
    JsonbContainer *record = value.val.binary.data;
    ++batch->count;
    if (before != nullptr && same_names(before, record)) continue;
    Bitmapset *own = columns_of(batch->child, record);
    batch->columns = bms_add_members(batch->columns, own);
    common = before == nullptr ? own : bms_int_members(common, own);
    before = record;
  }
  batch->optional = bms_difference(batch->columns, common);
  if (batch->count > 0 && bms_is_empty(batch->columns))
    error_argument("records must name at least one column", nullptr);
}

// In the order of their OIDs, which is the same for everybody.
List *read_keys(Relation child, const Bitmapset *columns) {
  List *keys = NIL;
  for (const Oid oid : each_oid(RelationGetIndexList(child))) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple)) continue;
    const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    bool fits = form->indisunique && form->indisvalid && heap_attisnull(tuple, Anum_pg_index_indpred, nullptr);
    for (int i = 0; fits && i < form->indnkeyatts; ++i) fits = bms_is_member(form->indkey.values[i], columns);
    if (fits) {
      auto *key = palloc_object<Key>();
      *key = {get_rel_name(oid), form->indnullsnotdistinct, form->indnkeyatts,
              palloc_array<AttrNumber>(form->indnkeyatts)};
      for (int i = 0; i < key->count; ++i) key->attnums[i] = form->indkey.values[i];
      keys = lappend(keys, key);
    }
    ReleaseSysCache(tuple);
  }
  return keys;
}

// Whether an index gets a new value for every row, from a sequence or the
// like: what it would refuse is no repeated record.
bool is_generated(Relation child, const Bitmapset *columns, HeapTuple index) {
  const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(index));
  for (int i = 0; i < form->indnkeyatts; ++i) {
    const AttrNumber attnum = form->indkey.values[i];
    if (attnum <= 0 || bms_is_member(attnum, columns)) continue;
    Node *expression = build_column_default(child, attnum);
    if (expression != nullptr && contain_volatile_functions(expression)) return true;
  }
  return false;
}

bool may_read(const Batch &batch, const Key *key) {
  const Oid child = RelationGetRelid(batch.child);
  if (pg_class_aclcheck(child, GetUserId(), ACL_SELECT) == ACLCHECK_OK) return true;
  for (int i = 0; i < key->count; ++i)
    if (pg_attribute_aclcheck(child, key->attnums[i], GetUserId(), ACL_SELECT) != ACLCHECK_OK) return false;
  return true;
}

// The only key that a record can repeat; nullptr: there are several, or none
// that could be named. Naming it saves a look into every other unique index,
// but takes the right to read its columns.
const Key *only_key(const Batch &batch) {
  // A partition may have unique indexes that the table does not know of.
  if (batch.child->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) return nullptr;
  // A named key is read, and what is read has to pass the policies of SELECT, be it new.
  if (check_enable_rls(RelationGetRelid(batch.child), InvalidOid, true) == RLS_ENABLED) return nullptr;
  if (list_length(batch.keys) != 1 || !may_read(batch, static_cast<const Key *>(linitial(batch.keys)))) return nullptr;
  for (const Oid oid : each_oid(RelationGetIndexList(batch.child))) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple)) return nullptr;
    const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    const bool named = strcmp(get_rel_name(oid), static_cast<const Key *>(linitial(batch.keys))->name) == 0;
    const bool harmless = named ? form->indimmediate
                          : !form->indisunique && !form->indisexclusion
                              ? true
                              : form->indisunique && is_generated(batch.child, batch.columns, tuple);
    ReleaseSysCache(tuple);
    if (!harmless) return nullptr;
  }
  return static_cast<const Key *>(linitial(batch.keys));
}

//   INSERT INTO schema.child (<columns>) SELECT s.c1, ... FROM (<rows>
void write_insert(StringInfo sql, const Batch &batch) {
  const Oid child = RelationGetRelid(batch.child);
  appendStringInfo(sql, "INSERT INTO %s (", qualified_relation(child));
  bool first = true;
  for (int attnum = -1; (attnum = bms_next_member(batch.columns, attnum)) >= 0; first = false)
    appendStringInfo(sql, "%s%s", first ? "" : ", ",
                     quote_identifier(get_attname(child, static_cast<AttrNumber>(attnum), false)));
  appendStringInfoString(sql, ") SELECT ");
  first = true;
  for (int attnum = -1; (attnum = bms_next_member(batch.columns, attnum)) >= 0; first = false)
    appendStringInfo(sql, "%ss.c%d", first ? "" : ", ", attnum);
  appendStringInfoString(sql, " FROM (");
  write_rows(sql, batch);
}

const char *insert_sql(const Batch &batch) {
  StringInfoData sql;
  initStringInfo(&sql);
  write_insert(&sql, batch);
  appendStringInfoString(&sql, " ORDER BY ");
  for (const auto *key : each<Key>(batch.keys)) {
    for (int i = 0; i < key->count; ++i)
      appendStringInfo(&sql, bms_is_member(key->attnums[i], batch.optional) ? "%d, " : "r.c%d, ",
                       bms_is_member(key->attnums[i], batch.optional)
                           ? bms_member_index(const_cast<Bitmapset *>(batch.columns), key->attnums[i]) + 1
                           : key->attnums[i]);
  }
  appendStringInfoString(&sql, "r.o OFFSET 0) s WHERE ratchet._take(s.o) ON CONFLICT ");
  if (const Key *only = batch.only) {
    for (int i = 0; i < only->count; ++i)
      appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "(",
                       quote_identifier(get_attname(RelationGetRelid(batch.child), only->attnums[i], false)));
    appendStringInfoString(&sql, ") ");
  }
  appendStringInfoString(&sql, "DO NOTHING");
  return sql.data;
}

Signature signature_of(const Batch &batch, StatementKind kind) {
  Signature signature{};
  sign(&signature, kind);
  for (int attnum = -1; (attnum = bms_next_member(batch.columns, attnum)) >= 0;)
    sign(&signature, static_cast<int16>(bms_is_member(attnum, batch.optional) ? -attnum : attnum));
  return signature;
}

// What write_rows() wants.
Parameters rows_as_parameters(const Batch &batch, Datum rows, const Jsonb *records) {
  Parameters parameters{};
  add_parameter(&parameters, get_array_type(RelationGetDescr(batch.child)->tdtypeid), rows, false);
  add_parameter(&parameters, JSONBOID, JsonbPGetDatum(records), false);
  return parameters;
}

Run insert(const Batch &batch) {
  Permission permission{};
  permission.verb = Verb::update;
  permission.memory = CurrentMemoryContext;
  Run run{&permission, batch.count, 0, palloc_array<int>(batch.count), palloc_array<uint64>(batch.count + 1)};
  const Parameters parameters = rows_as_parameters(batch, batch.rows, batch.records);
  Signature signature = signature_of(batch, StatementKind::batch);
  sign(&signature, static_cast<int16>(batch.only != nullptr));
  const Statement *statement = find_statement(batch.tally, signature);
  if (statement == nullptr)
    statement = prepare_statement(batch.tally, signature, insert_sql(batch), parameters, RelationGetRelid(batch.child));
  Run *outer = current_run;
  PG_TRY();
  {
    current_run = &run;
    const Row row = run_statement(statement, parameters, RelationGetRelid(batch.child), &permission);
    run.inserted[run.taken] = row.processed;
  }
  PG_FINALLY();
  { current_run = outer; }
  PG_END_TRY();
  run.permission = nullptr;
  return run;
}

Datum ordinals(const List *indexes) {
  auto *elements = palloc_array<Datum>(list_length(indexes));
  int count = 0;
  for (const int index : each_int(indexes)) elements[count++] = Int64GetDatum(index + 1);
  return PointerGetDatum(construct_array(elements, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

// Whether two values repeat one another, as the key's index has it.
const char *same_sql(const Key *key, const char *left, const char *op, const char *right) {
  const char *equal = psprintf("%s %s %s", left, op, right);
  return key->nulls_equal ? psprintf("(%s OR %s IS NULL AND %s IS NULL)", equal, left, right) : equal;
}

//   SELECT pg_catalog.string_agg(d.o || ':' || COALESCE(e.o, 0), ' ')
//   FROM (<rows>) d LEFT JOIN (<rows>) e ON e.o = ANY ($4) AND e.c1 = d.c1 AND ...
//   WHERE d.o = ANY ($3) AND (e.o IS NOT NULL OR EXISTS (SELECT FROM schema.child t WHERE t."c" = d.c1 AND ...))
const char *duplicates_sql(const Batch &batch, const Key *key) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql,
                         "SELECT pg_catalog.string_agg(pg_catalog.concat(d.o, ':', COALESCE(e.o, 0)), ' ') FROM (");
  write_rows(&sql, batch);
  appendStringInfoString(&sql, ") d LEFT JOIN (");
  write_rows(&sql, batch);
  appendStringInfoString(&sql, ") e ON e.o OPERATOR(pg_catalog.=) ANY ($4)");
  const Oid child = RelationGetRelid(batch.child);
  const auto same = [&](int i, const char *left) {
    return same_sql(key, left, qualified_operator(equality_operator(get_atttype(child, key->attnums[i]))),
                    psprintf("d.c%d", key->attnums[i]));
  };
  for (int i = 0; i < key->count; ++i) appendStringInfo(&sql, " AND %s", same(i, psprintf("e.c%d", key->attnums[i])));
  appendStringInfoString(&sql, " WHERE d.o OPERATOR(pg_catalog.=) ANY ($3) AND (e.o IS NOT NULL");
  if (may_read(batch, key)) {
    appendStringInfo(&sql, " OR EXISTS (SELECT FROM %s t", qualified_relation(child));
    for (int i = 0; i < key->count; ++i)
      appendStringInfo(&sql, "%s %s", i > 0 ? " AND" : " WHERE",
                       same(i, psprintf("t.%s", quote_identifier(get_attname(child, key->attnums[i], false)))));
    appendStringInfoChar(&sql, ')');
  }
  appendStringInfoChar(&sql, ')');
  return sql.data;
}

// They are in the order of their index.
Duplicate *find_duplicate(const List *duplicates, int index) {
  int from = 0;
  for (int to = list_length(duplicates); from < to;) {
    const int middle = from + (to - from) / 2;
    auto *duplicate = static_cast<Duplicate *>(list_nth(duplicates, middle));
    if (duplicate->index == index) return duplicate;
    if (duplicate->index < index)
      from = middle + 1;
    else
      to = middle;
  }
  return nullptr;
}

// Finds out which of the duplicates repeat this key, of the batch itself or of a stored row.
void explain(const Batch &batch, const Key *key, int place, Datum skipped, Datum inserted, List *duplicates) {
  Parameters parameters = rows_as_parameters(batch, batch.rows, batch.records);
  add_parameter(&parameters, INT8ARRAYOID, skipped, false);
  add_parameter(&parameters, INT8ARRAYOID, inserted, false);
  Signature signature = signature_of(batch, StatementKind::duplicates);
  sign(&signature, static_cast<int16>(place));
  sign(&signature, static_cast<int16>(may_read(batch, key)));
  const Statement *statement = find_statement(batch.tally, signature);
  if (statement == nullptr)
    statement = prepare_statement(batch.tally, signature, duplicates_sql(batch, key), parameters,
                                  RelationGetRelid(batch.child));
  // Without a right to read, nothing but the records is read, and the statement names no table.
  const Row row =
      run_statement(statement, parameters, may_read(batch, key) ? RelationGetRelid(batch.child) : InvalidOid, nullptr);
  if (!row.found || row.nulls[0]) return;
  for (char *pairs = text_to_cstring(DatumGetTextPP(row.values[0])); *pairs != '\0';) {
    const int index = static_cast<int>(strtol(pairs, &pairs, 10)) - 1;
    const int same_as = static_cast<int>(strtol(pairs + 1, &pairs, 10)) - 1;
    while (*pairs == ' ') ++pairs;
    Duplicate *duplicate = find_duplicate(duplicates, index);
    if (duplicate == nullptr || duplicate->constraint != nullptr) continue;
    duplicate->constraint = name_on_table(batch.child, key->name);
    duplicate->same_as = same_as;
  }
}

// Whether something else than a unique key can keep a row from being inserted: a trigger, also of a partition alone, or
// a rule.
bool may_be_suppressed(Relation child) {
  if (child->rd_rules != nullptr || fires_before_insert(child)) return true;
  if (child->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) return false;
  bool may = false;
  for (const Oid oid : each_oid(find_all_inheritors(RelationGetRelid(child), AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    may = may || fires_before_insert(member);
    table_close(member, NoLock);
  }
  return may;
}

bool is_unexplained(const List *duplicates) {
  for (const auto *duplicate : each<Duplicate>(duplicates))
    if (duplicate->constraint == nullptr) return true;
  return false;
}

// An array of that record alone.
Jsonb *record_alone(const Jsonb *records, int index) {
  JsonbParseState *state = nullptr;
  pushJsonbValue(&state, WJB_BEGIN_ARRAY, nullptr);
  pushJsonbValue(&state, WJB_ELEM, getIthJsonbValueFromContainer(const_cast<JsonbContainer *>(&records->root), index));
  return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, nullptr));
}

// And its row.
Datum row_alone(const Batch &batch, int index) {
  const Oid type = RelationGetDescr(batch.child)->tdtypeid;
  int ordinal = index + 1;
  bool isnull;
  Datum row = array_get_element(batch.rows, 1, &ordinal, -1, -1, false, TYPALIGN_DOUBLE, &isnull);
  return PointerGetDatum(construct_array(&row, 1, type, -1, false, TYPALIGN_DOUBLE));
}

//   INSERT INTO schema.child (<columns>) SELECT s.c1, ... FROM (<rows>) s
bool insert_alone(const Batch &batch, int index) {
  const Parameters parameters = rows_as_parameters(batch, row_alone(batch, index), record_alone(batch.records, index));
  const Signature signature = signature_of(batch, StatementKind::batch_alone);
  const Oid child = RelationGetRelid(batch.child);
  const Statement *statement = find_statement(batch.tally, signature);
  if (statement == nullptr) {
    StringInfoData sql;
    initStringInfo(&sql);
    write_insert(&sql, batch);
    appendStringInfoString(&sql, ") s");
    statement = prepare_statement(batch.tally, signature, sql.data, parameters, child);
  }
  return run_statement(statement, parameters, child, nullptr).processed > 0;
}

// Stores a record that the statement has skipped once more, without ON CONFLICT: what it repeats is an error then, also
// of a key that cannot be looked up here (an index with a condition or expressions, an exclusion constraint, a key that
// the caller may not read), and what a trigger suppresses is not. Returns false when it is a duplicate, of which the
// constraint is told. True: it is stored, for what it repeated has been deleted meanwhile.
bool store_alone(const Batch &batch, Duplicate *duplicate) {
  const auto body = [&] {
    if (!insert_alone(batch, duplicate->index)) error_record_suppressed(batch.child);
  };
  const auto judge = [&](const ErrorData *error) {
    duplicate->constraint = find_conflict(batch.child, error);
    return duplicate->constraint != nullptr;
  };
  return !undo_if(judge, body);
}

// The records that were not inserted, by their places in the batch.
List *find_duplicates(const Batch &batch, const Run &run) {
  List *skipped = NIL;
  List *inserted = NIL;
  for (int i = 0; i < run.taken; ++i)
    if (run.inserted[i + 1] > run.inserted[i])
      inserted = lappend_int(inserted, run.order[i]);
    else
      skipped = lappend_int(skipped, run.order[i]);
  list_sort(skipped, list_int_cmp);
  List *duplicates = NIL;
  ListCell *cell;
  for (const int index : each_int(skipped)) {
    auto *duplicate = palloc_object<Duplicate>();
    *duplicate = {index, nullptr, -1};
    duplicates = lappend(duplicates, duplicate);
  }
  if (duplicates == NIL) return NIL;
  int place = 0;
  foreach (cell, batch.keys)
    explain(batch, static_cast<const Key *>(lfirst(cell)), place++, ordinals(skipped), ordinals(inserted), duplicates);
  if (!is_unexplained(duplicates) || !may_be_suppressed(batch.child)) return duplicates;
  foreach (cell, duplicates) {
    CHECK_FOR_INTERRUPTS();
    auto *duplicate = static_cast<Duplicate *>(lfirst(cell));
    if (duplicate->constraint == nullptr && store_alone(batch, duplicate))
      duplicates = foreach_delete_current(duplicates, cell);
  }
  return duplicates;
}

//   [{"index": 3, "constraint": "results_pkey", "same_as": null}, ...]
Datum as_json(const List *duplicates) {
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoChar(&out, '[');
  for (const auto *duplicate : each<Duplicate>(duplicates)) {
    appendStringInfo(&out, "%s{\"index\": %d, \"constraint\": ", out.len > 1 ? ", " : "", duplicate->index);
    if (duplicate->constraint == nullptr)
      appendStringInfoString(&out, "null");
    else
      escape_json(&out, duplicate->constraint);
    appendStringInfo(&out, duplicate->same_as < 0 ? ", \"same_as\": null}" : ", \"same_as\": %d}", duplicate->same_as);
  }
  appendStringInfoChar(&out, ']');
  return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

// Where no key can be named, ON CONFLICT looks into every unique index, and PostgreSQL has none for what is checked at
// the end of the transaction.
void refuse_deferrable(Relation child) {
  for (const Oid oid : each_oid(RelationGetIndexList(child))) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple)) continue;
    const bool immediate = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple))->indimmediate;
    ReleaseSysCache(tuple);
    if (immediate) continue;
    ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
            errmsg("cannot submit a batch to relation \"%s\", which has a deferrable constraint",
                   RelationGetRelationName(child)),
            errdetail(
                "Constraint \"%s\" is checked at the end of the transaction, too late to leave out a repeated record.",
                get_rel_name(oid)),
            errhint("Make it NOT DEFERRABLE, or use INSERT."), errtableconstraint(child, get_rel_name(oid)));
  }
}

// What the records of a distributed table say of the shard that they are for; nullptr: there is one.
const char *place_of(Oid child, const Jsonb *records) {
  const AttrNumber column = distribution_column(child);
  if (column == InvalidAttrNumber) return nullptr;
  if (!JB_ROOT_IS_ARRAY(records) || JB_ROOT_IS_SCALAR(records)) refuse_records(records, -1);
  const char *name = get_attname(child, column, false);
  const char *place = nullptr;
  const int count = static_cast<int>(JB_ROOT_COUNT(records));
  for (int i = 0; i < count; ++i) {
    const Datum record = DirectFunctionCall2(jsonb_array_element, JsonbPGetDatum(records), Int32GetDatum(i));
    LOCAL_FCINFO(call, 2);
    InitFunctionCallInfoData(*call, nullptr, 2, InvalidOid, nullptr, nullptr);
    call->args[0] = {record, false};
    call->args[1] = {CStringGetTextDatum(name), false};
    const Datum value = jsonb_object_field_text(call);
    if (call->isnull)
      error_argument(psprintf("each record must name column \"%s\"", name), "Citus distributes the table by it.");
    const char *own = TextDatumGetCString(value);
    if (place != nullptr && strcmp(place, own) != 0)
      error_argument(psprintf("all records of a batch must have the same value of column \"%s\"", name),
                     "Citus distributes the table by it; submit a batch for each value.");
    place = own;
  }
  if (place == nullptr)
    error_argument("a batch of a distributed table needs records", "The first one says which shard it is for.");
  return place;
}

// Of a table that Citus distributes: the shard that the records are for.
Relation open_child(Oid relid, const Jsonb *records) {
  if (!is_distributed(relid)) return open_relation(relid, ACL_INSERT);
  return open_place(relid, ACL_INSERT, place_of(relid, records));
}

Batch read_batch(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) error_null_argument("child");
  if (PG_ARGISNULL(1)) error_null_argument("records");
  Batch batch{};
  batch.records = PG_GETARG_JSONB_P(1);
  batch.child = open_child(PG_GETARG_OID(0), batch.records);
  const Trigger *trigger = find_trigger(batch.child, TriggerKind::child);
  if (trigger == nullptr)
    ereport(ERROR, errcode(sqlstate_unenforceable),
            errmsg("relation \"%s\" has no tally", RelationGetRelationName(batch.child)),
            errhint("Declare one with ratchet.tally()."), errtable(batch.child));
  batch.tally = load_tally(batch.child, trigger);
  read_columns(&batch);
  batch.rows = read_records(batch);
  batch.keys = read_keys(batch.child, batch.columns);
  batch.only = only_key(batch);
  if (batch.only == nullptr) refuse_deferrable(batch.child);
  return batch;
}

Datum submit_batch(FunctionCallInfo fcinfo) {
  const Batch batch = read_batch(fcinfo);
  const Watch watch = start_watching(fcinfo, 2);
  List *duplicates = NIL;
  Datum progress = Datum(0);
  // Without a flush limits are judged at COMMIT, as for plain writers.
  const char *limit = undo_where_full({watch.asked ? batch.child : nullptr}, [&] {
    if (batch.count > 0) duplicates = find_duplicates(batch, insert(batch));
    if (watch.asked && !end_watching(watch, true, &progress)) progress = as_json(NIL);
    return watch.asked;
  });
  if (limit != nullptr) {
    stop_watching(watch);
    duplicates = NIL;
  }
  const int inserted = limit != nullptr ? 0 : batch.count - list_length(duplicates);
  const char *outcome = limit != nullptr    ? "full"
                        : duplicates == NIL ? "stored"
                        : inserted > 0      ? "partial"
                                            : "duplicates";
  Datum values[5] = {CStringGetTextDatum(outcome), Int64GetDatum(inserted), as_json(duplicates), progress, Datum(0)};
  bool nulls[5] = {false, false, false, !watch.asked || limit != nullptr, limit == nullptr};
  if (limit != nullptr) values[4] = CStringGetTextDatum(limit);
  relation_close(batch.child, NoLock);
  return answer_row(fcinfo, values, nulls);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_submit_batch) { return ratchet::submit_batch(fcinfo); }

RATCHET_FUNCTION(ratchet_submit_batch_0_2) { return ratchet::submit_batch(fcinfo); }

RATCHET_FUNCTION(ratchet_take) {
  ratchet::Run *run = ratchet::current_run;
  const int64 ordinal = PG_GETARG_INT64(0);
  // Anybody may call it: who submits a batch runs its statement with his own rights. But a call counts only in the
  // statement's own executor run, in whose memory its expressions were set up, and nobody else's call is.
  if (run == nullptr || run->permission->estate == nullptr ||
      fcinfo->flinfo->fn_mcxt != run->permission->estate->es_query_cxt || ordinal < 1 || ordinal > run->count ||
      run->taken >= run->count)
    PG_RETURN_BOOL(true);
  run->order[run->taken] = static_cast<int>(ordinal) - 1;
  run->inserted[run->taken++] = run->permission->estate->es_processed;
  PG_RETURN_BOOL(true);
}
