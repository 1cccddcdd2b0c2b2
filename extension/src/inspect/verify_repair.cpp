// inspect/verify_repair.cpp: ratchet.verify() and ratchet.repair().
//
// verify() is one statement a tally, so one snapshot: a transaction is seen
// with its rows and its counts, or with neither.
//
// Where counts spill, what lies beside the row is seen in the same snapshot, and the counter is to be what was counted
// less that. `done` is compared where nothing lies there: the fold decides it.
//
// repair() locks a parent row and then recounts its children in a new snapshot.
// Whoever has written counts of that row has committed, or waits for the lock:
// the rows of the former are seen, and counted; those of the latter are not,
// and its counts are added when repair() has committed, or lie spilled, which no snapshot sees without its rows. A
// transaction that has not flushed yet is of the latter kind. So no writer has to be kept out.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "nodes/parsenodes.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
}

#include "contract/core_copy.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "declare/existing_rows.h"
#include "declare/tally_triggers.h"
#include "pg/attempt.h"
#include "pg/fence.h"
#include "pg/foreign_key.h"
#include "pg/json_text.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/procedure_call.h"
#include "pg/quote.h"
#include "pg/relation_argument.h"
#include "tally/completion.h"
#include "tally/flush.h"
#include "tally/recount.h"
#include "tally/references.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

// Rows whose locks are held at a time.
constexpr int batch_size = 100;

struct Place {
  Oid trigger;
  Oid child;
  Oid parent;
};

void check_owner(Oid relid, const char *action) {
  if (get_rel_name(relid) == nullptr)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relid));
  if (!owns_relation(relid, GetUserId())) error_not_owner(relid, action);
}

// Whether a table is another one's, of those on this node: a query of a table that Citus distributes reads all of its
// shards, and is asked where such tables are made.
bool is_in_another(Oid relid) {
  return has_citus() && (is_coordinator() ? OidIsValid(table_of_shard(relid)) : is_distributed(relid));
}

// What cannot be repaired by this name is no reason to repair nothing.
bool is_elsewhere(Oid relid) {
  if (!is_distributed(relid)) return false;
  ereport(NOTICE, errmsg("relation \"%s\" is distributed by Citus and was left out", get_rel_name(relid)),
          errhint("%s", on_each_shard));
  return true;
}

// The tallies whose child or parent is the target; InvalidOid: all that the caller owns, but for what is left out.
template <typename IsLeftOut>
List *places_of(Oid target, IsLeftOut &&is_left_out) {
  List *places = NIL;
  for (const Oid oid : each_oid(tables_with(TriggerKind::child))) {
    if (!OidIsValid(target) && (!owns_relation(oid, GetUserId()) || is_left_out(oid))) continue;
    Relation child = try_relation_open(oid, AccessShareLock);
    if (child == nullptr) continue;
    for (const Trigger *trigger : find_triggers(child, TriggerKind::child)) {
      const ChildTerms *source = parse_child_trigger(child, trigger);
      const Oid parent = find_parent(child, source);
      if (!OidIsValid(parent))
        error_unenforceable(child, "the foreign key of a tally does not exist",
                            "Restore the foreign key, or remove the tally with ratchet.untally().");
      if (OidIsValid(target) && target != parent && target != RelationGetRelid(child)) continue;
      auto *place = palloc_object<Place>();
      *place = {trigger->tgoid, RelationGetRelid(child), parent};
      places = lappend(places, place);
    }
    relation_close(child, NoLock);
  }
  if (places == NIL && OidIsValid(target)) {
    Relation relation = table_open(target, AccessShareLock);
    ereport(ERROR, errcode(sqlstate_unenforceable),
            errmsg("relation \"%s\" has no tally", RelationGetRelationName(relation)),
            errhint("Declare one with ratchet.tally()."), errtable(relation));
  }
  return places;
}

// What is counted, as the child's trigger says it now: a rename of a function that a condition names takes no lock on
// the table.
const ChildTerms *read_source(const Place *place) {
  AcceptInvalidationMessages();
  Relation child = table_open(place->child, AccessShareLock);
  const ChildTerms *source = nullptr;
  for (const Trigger *trigger : find_triggers(child, TriggerKind::child))
    if (trigger->tgoid == place->trigger) source = parse_child_trigger(child, trigger);
  if (source == nullptr)
    error_unenforceable(child, "the tally was removed meanwhile", "Look at the tallies in ratchet.contract.");
  table_close(child, NoLock);
  return source;
}

Subject subject_of(const Place *place) { return find_subject(place->child, place->parent, read_source(place)); }

//   SELECT v.name, v.stored, v.counted, m.k1, ...
//   FROM schema.parent t JOIN <counted> ON <join>
//   CROSS JOIN LATERAL (VALUES ('c', t."c"::text, m.m1::text, t."c" IS DISTINCT FROM m.m1), ...)
//     v (name, stored, counted, differs)
//   WHERE v.differs ORDER BY <key>
const char *drift_sql(const Subject &subject, bool keys_only) {
  const int nkeys = subject.reference->nkeys;
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, keys_only ? "SELECT DISTINCT " : "SELECT ");
  for (int i = 0; keys_only && i < nkeys; ++i)
    appendStringInfo(&sql, "%st.%s", i > 0 ? ", " : "", parent_column(subject, i));
  if (!keys_only) {
    appendStringInfoString(&sql, "v.name, v.stored, v.counted");
    for (int i = 0; i < nkeys; ++i) appendStringInfo(&sql, ", m.k%d", i + 1);
  }
  appendStringInfo(&sql, " FROM %s t JOIN ", qualified_relation(subject.parent));
  write_counted(&sql, subject, false);
  appendStringInfoString(&sql, " ON ");
  write_join(&sql, subject);
  appendStringInfoString(&sql, " CROSS JOIN LATERAL (VALUES ");
  for (int i = 0; i < subject.source->ncounters; ++i)
    appendStringInfo(&sql, "%s(%s, %s::text, m.m%d::text, t.%s IS DISTINCT FROM %s)", i > 0 ? ", " : "",
                     quote_literal_cstr(subject.source->counters[i].column), exact_value(subject, i), i + 1,
                     counter_column(subject, i), counted_value(subject, i));
  for (const auto *completion : each<const CompletionTerm>(subject.completions)) {
    const char *done = quote_identifier(completion->done);
    const char *is = decided(subject, *completion);
    appendStringInfo(&sql, ", (%s, t.%s::text, (%s)::text, t.%s IS DISTINCT FROM (%s)%s)",
                     quote_literal_cstr(completion->done), done, is, done, is, unless_spilled(subject));
  }
  appendStringInfoString(&sql, ") v (name, stored, counted, differs) WHERE v.differs ORDER BY ");
  for (int i = 0; i < nkeys; ++i) appendStringInfo(&sql, keys_only ? "%s%d" : "%sm.k%d", i > 0 ? ", " : "", i + 1);
  return sql.data;
}

//   {"id": 7}, of a row that drift_sql() has found
Datum key_of_drift(const Subject &subject, uint64 row) {
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoChar(&out, '{');
  for (int i = 0; i < subject.reference->nkeys; ++i) {
    bool isnull;
    const Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 4 + i, &isnull);
    append_json_member(&out, get_attname(subject.parent, subject.reference->confkey[i], false),
                       SPI_gettypeid(SPI_tuptable->tupdesc, 4 + i), value, isnull);
  }
  appendStringInfoChar(&out, '}');
  return jsonb_of_text(out.data);
}

// Whether the contract says what the subject was read from. A query whose names were looked up before this is true has
// counted by what the contract means: a rename that it could have seen would have rewritten the triggers.
bool is_unchanged(const Place *place, const Subject &subject) {
  AcceptInvalidationMessages();
  InvalidateCatalogSnapshot();
  const ParentTerms *kept = subject.counters->terms;
  const StoredTrigger *child = stored_trigger(place->trigger);
  const StoredTrigger *parent = stored_trigger(subject.counters->trigger);
  return child != nullptr && parent != nullptr &&
         same_arguments(child->arguments, child->narguments, subject.source->arguments, subject.source->narguments) &&
         same_arguments(parent->arguments, parent->narguments, kept->arguments, kept->narguments);
}

void require_unchanged(const Place *place, const Subject &subject) {
  if (is_unchanged(place, subject)) return;
  ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
          errmsg("what is counted for relation \"%s\" was renamed meanwhile", get_rel_name(place->parent)),
          errhint("Try again."));
}

// Runs the body with a subject, in a subtransaction, and again with another one where names have got another meaning
// while it ran, or cannot be resolved any more.
template <typename Body>
void with_subject(const Place *place, Body &&body) {
  constexpr int most_renames = 10;
  int waits = 0;
  for (int renames = 0;; ++renames) {
    CHECK_FOR_INTERRUPTS();
    const Subject subject = subject_of(place);
    ErrorData *error = attempt([&] { body(subject); });
    if (error == nullptr) return;
    const int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
    const bool unresolved = category == ERRCODE_TO_CATEGORY(ERRCODE_UNDEFINED_FUNCTION) ||
                            category == ERRCODE_TO_CATEGORY(ERRCODE_INVALID_SCHEMA_NAME);
    const bool again = !is_unchanged(place, subject) || (unresolved && await_invalidations(waits++));
    if (!again || renames == most_renames) ReThrowError(error);
  }
}

// Runs a query as the owner, by a cursor: any number of rows takes the memory of some. Calls take() for each thousand,
// which are in SPI_tuptable; once at least. Errors: 55000 where its names have got another meaning since they were
// read.
template <typename Take>
void for_each_thousand(const Place *place, const Subject &subject, const char *sql, Take &&take) {
  const Scope scope = enter(subject.counters);
  SPI_connect();
  SPIPlanPtr plan = SPI_prepare(sql, 0, nullptr);
  if (plan == nullptr) elog(ERROR, "preparing a recount failed: %s", SPI_result_code_string(SPI_result));
  Portal portal = SPI_cursor_open(nullptr, plan, nullptr, nullptr, false);
  // It is planned: no name is looked up from here on.
  require_unchanged(place, subject);
  for (bool more = true; more;) {
    CHECK_FOR_INTERRUPTS();
    SPI_cursor_fetch(portal, true, 1000);
    take();
    more = SPI_processed > 0;
    SPI_freetuptable(SPI_tuptable);
  }
  SPI_cursor_close(portal);
  SPI_finish();
  leave(scope);
}

void put_drift(const Place *place, const Subject &subject, const ReturnSetInfo *result) {
  MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ratchet verify", ALLOCSET_DEFAULT_SIZES);
  for_each_thousand(place, subject, drift_sql(subject, false), [&] {
    MemoryContext caller = MemoryContextSwitchTo(memory);
    for (uint64 i = 0; i < SPI_processed; ++i) {
      Datum values[6] = {ObjectIdGetDatum(place->parent), ObjectIdGetDatum(place->child), key_of_drift(subject, i)};
      bool nulls[6] = {};
      for (int j = 0; j < 3; ++j)
        values[3 + j] = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, j + 1, &nulls[3 + j]);
      values[3] = DirectFunctionCall1(text_name, values[3]);
      tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
    }
    MemoryContextSwitchTo(caller);
    MemoryContextReset(memory);
  });
  MemoryContextDelete(memory);
}

void verify(FunctionCallInfo fcinfo) {
  const Oid target = relation_or_null(fcinfo, 0);
  if (OidIsValid(target)) check_owner(target, "verify it");
  // A snapshot has this transaction's rows, so it must have its counts too.
  flush_pending(InvalidOid);
  InitMaterializedSRF(fcinfo, 0);
  ListCell *cell;
  foreach (cell, places_of(target, is_in_another)) {
    const auto *place = static_cast<const Place *>(lfirst(cell));
    with_subject(place, [&](const Subject &subject) {
      put_drift(place, subject, reinterpret_cast<const ReturnSetInfo *>(fcinfo->resultinfo));
    });
  }
}

// The keys of rows that differ now, in memory that outlives transactions; it spills to disk where they are many.
struct Drift {
  Tuplestorestate *keys;
  TupleDesc tupdesc;
  int64 count;
};

Drift find_drift(const Place *place, MemoryContext memory) {
  Drift drift{};
  with_subject(place, [&](const Subject &subject) {
    for_each_thousand(place, subject, drift_sql(subject, true), [&] {
      MemoryContext caller = MemoryContextSwitchTo(memory);
      if (drift.keys == nullptr) {
        drift.tupdesc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
        drift.keys = tuplestore_begin_heap(false, true, work_mem);
      }
      for (uint64 i = 0; i < SPI_processed; ++i) tuplestore_puttuple(drift.keys, SPI_tuptable->vals[i]);
      drift.count += static_cast<int64>(SPI_processed);
      MemoryContextSwitchTo(caller);
    });
  });
  return drift;
}

//   SELECT true FROM schema.parent t WHERE t."id" OPERATOR(pg_catalog.=) $1 FOR NO KEY UPDATE
void lock_row(const Subject &subject, const Datum *key) {
  Parameters parameters{};
  for (int i = 0; i < subject.reference->nkeys; ++i)
    add_parameter(&parameters, get_atttype(subject.parent, subject.reference->confkey[i]), key[i], false);
  Signature signature{};
  sign(&signature, StatementKind::lock_row);
  sign(&signature, subject.reference->conoid);
  const Statement *statement = find_statement(subject.counters, signature);
  if (statement == nullptr) {
    SqlWriter writer;
    init_writer(&writer);
    appendStringInfo(&writer.sql, "SELECT true FROM %s t", qualified_relation(subject.parent));
    for (int i = 0; i < subject.reference->nkeys; ++i)
      appendStringInfo(&writer.sql, "%s t.%s %s $%d", i > 0 ? " AND" : " WHERE", parent_column(subject, i),
                       qualified_operator(equality_operator(parameters.types[i])), i + 1);
    appendStringInfoString(&writer.sql, " FOR NO KEY UPDATE");
    statement = prepare_statement(subject.counters, signature, writer.sql.data, parameters);
  }
  const User caller = become(subject.counters->owner, SECURITY_NOFORCE_RLS);
  run_statement(statement, parameters, subject.parent, nullptr);
  restore(caller);
}

// The keys of the next rows (Datum *).
List *take_keys(const Drift &drift, TupleTableSlot *slot) {
  List *keys = NIL;
  while (list_length(keys) < batch_size && tuplestore_gettupleslot(drift.keys, true, false, slot)) {
    slot_getallattrs(slot);
    auto *key = palloc_array<Datum>(drift.tupdesc->natts);
    for (int i = 0; i < drift.tupdesc->natts; ++i) {
      const Form_pg_attribute column = TupleDescAttr(drift.tupdesc, i);
      key[i] = datumCopy(slot->tts_values[i], column->attbyval, column->attlen);
    }
    keys = lappend(keys, key);
  }
  return keys;
}

// Repairs rows in one transaction; returns how many. A rename that commits while it waits for a row has all of them
// counted once more.
int64 repair_batch(const Place *place, const List *keys) {
  int64 repaired = 0;
  keep_own_shard(place->parent);
  // Looked up in every transaction: what was found in the last one may have been freed.
  with_subject(place, [&](const Subject &subject) {
    repaired = 0;
    for (const auto *key : each<Datum>(keys)) {
      CHECK_FOR_INTERRUPTS();
      lock_row(subject, key);
      if (recount_row(subject, key)) ++repaired;
    }
    require_unchanged(place, subject);
    complete_recounted(subject);
  });
  return repaired;
}

void repair_place(const Place *place, MemoryContext memory) {
  MemoryContext caller = MemoryContextSwitchTo(memory);
  const Drift drift = find_drift(place, memory);
  TupleTableSlot *slot = MakeSingleTupleTableSlot(drift.tupdesc, &TTSOpsMinimalTuple);
  int64 looked_at = 0;
  int64 repaired = 0;
  const char *name = get_rel_name(place->parent);
  MemoryContext batch = AllocSetContextCreate(memory, "ratchet repair batch", ALLOCSET_DEFAULT_SIZES);
  MemoryContextSwitchTo(batch);
  SPI_commit();
  while (const List *keys = drift.keys == nullptr ? NIL : take_keys(drift, slot)) {
    repaired += repair_batch(place, keys);
    looked_at += list_length(keys);
    SPI_commit();
    MemoryContextReset(batch);
    ereport(INFO, errmsg("%s: %lld of %lld rows looked at, %lld repaired", name, static_cast<long long>(looked_at),
                         static_cast<long long>(drift.count), static_cast<long long>(repaired)));
  }
  if (drift.count == 0) ereport(INFO, errmsg("%s: nothing to repair", name));
  // What was counted may be beyond a limit, and says so.
  const Subject subject = subject_of(place);
  report_limits(place->parent, subject.counters->terms, subject.source);
  ExecDropSingleTupleTableSlot(slot);
  tuplestore_end(drift.keys);
  MemoryContextSwitchTo(caller);
}

void check_own_transactions(FunctionCallInfo fcinfo) {
  require_own_transactions(fcinfo, "ratchet.repair()");
  if (IsolationUsesXactSnapshot())
    ereport(ERROR, errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
            errmsg("ratchet.repair() must run at isolation level READ COMMITTED"),
            errdetail("Each row is counted in a snapshot that is newer than its lock."),
            errhint("SET default_transaction_isolation = 'read committed'."));
}

void repair(FunctionCallInfo fcinfo) {
  check_own_transactions(fcinfo);
  const Oid target = relation_or_null(fcinfo, 0);
  if (OidIsValid(target)) check_owner(target, "repair it");
  // The call's own memory, which lives through its commits.
  MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "ratchet repair", ALLOCSET_DEFAULT_SIZES);
  MemoryContext caller = MemoryContextSwitchTo(memory);
  List *places = places_of(target, is_elsewhere);
  SPI_connect_ext(SPI_OPT_NONATOMIC);
  ListCell *cell;
  foreach (cell, places) check_not_distributed(static_cast<const Place *>(lfirst(cell))->parent, on_each_shard);
  foreach (cell, places) repair_place(static_cast<const Place *>(lfirst(cell)), memory);
  SPI_finish();
  MemoryContextSwitchTo(caller);
  MemoryContextDelete(memory);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_verify) {
  ratchet::verify(fcinfo);
  return Datum(0);
}

RATCHET_FUNCTION(ratchet_repair) {
  ratchet::repair(fcinfo);
  PG_RETURN_VOID();
}
