// tally/truncate_trigger.cpp: TRUNCATE of counted tables.
//
// One command may empty many tables, and triggers of anybody may add, change and
// remove rows of them before and after that. So nothing is set to a value: all is
// added to what the transaction has counted, as for single rows, and written once,
// when the last of the tables is through, so that nobody sees, and nothing completes in, a
// state between two of them.
//
// A whole table is settled afterwards: what is stored in the counters and what is pending
// for them together must be what is there now, which is nothing, or what triggers have added
// since. TRUNCATE holds ACCESS EXCLUSIVE, and whoever had counted rows of the table has ended, so
// nobody else changes these counters, and the newest snapshot shows them as they are.
//
// One partition: other partitions go on being counted for the same counters by others, so
// what goes has to be counted before it goes. From then on single rows of the
// partition are not counted; what is there afterwards is counted as a whole again.
#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "catalog/partition.h"
#include "executor/spi.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
}

#include "contract/distributed.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "pg/trigger_call.h"
#include "tally/flush.h"
#include "tally/parent_trigger.h"
#include "tally/recount.h"
#include "tally/spill.h"
#include "tally/truncate_trigger.h"

namespace ratchet {

namespace {

// A table that its BEFORE trigger has announced and its AFTER trigger not yet seen.
struct Announced {
  Oid relation;
  int nest_level;
};

List *announced;  // Announced *; in TopTransactionContext

void announce(Oid relation) {
  MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
  auto *table = palloc_object<Announced>();
  *table = {relation, GetCurrentTransactionNestLevel()};
  announced = lappend(announced, table);
  MemoryContextSwitchTo(caller);
}

bool is_announced(Oid relation) {
  ListCell *cell;
  foreach (cell, announced)
    if (static_cast<const Announced *>(lfirst(cell))->relation == relation) return true;
  return false;
}

// Whether it was announced.
bool withdraw(Oid relation) {
  ListCell *cell;
  foreach (cell, announced)
    if (static_cast<const Announced *>(lfirst(cell))->relation == relation) {
      announced = foreach_delete_current(announced, cell);
      return true;
    }
  return false;
}

bool is_partition_of_announced(Oid relation) {
  if (announced == NIL || !get_rel_relispartition(relation)) return false;
  for (const Oid oid : each_oid(get_partition_ancestors(relation)))
    if (is_announced(oid)) return true;
  return false;
}

// Whether the trigger that ends what the one before begins will fire.
bool will_end(Relation relation) {
  const Trigger *trigger = find_named(relation, truncate_trigger_name);
  return trigger != nullptr && find_trigger_kind(trigger->tgfoid) == TriggerKind::truncate && fires_now(*trigger);
}

void append_key_columns(StringInfo sql, const Tally *tally, const char *joint, const char *suffix) {
  for (int i = 0; i < tally->nkey; ++i)
    appendStringInfo(sql, "%s%s%s", i > 0 ? joint : "",
                     quote_identifier(get_attname(tally->relation, tally->key[i].attnum, false)), suffix);
}

//   SELECT "run_id"::<type of the parent's key>, pg_catalog.count(*),
//          pg_catalog.count(*) FILTER (WHERE <expression>), COALESCE(pg_catalog.sum(<expression>), 0)::<type>, ...
//   FROM [ONLY] schema.child WHERE "run_id" IS NOT NULL GROUP BY 1
const char *rows_sql(const Tally *tally, const Counters *counters, bool only) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT ");
  for (int i = 0; i < tally->nkey; ++i)
    appendStringInfo(&sql, "%s::%s, ", quote_identifier(get_attname(tally->relation, tally->key[i].attnum, false)),
                     qualified_type(getBaseType(counters->key[i].type)));
  appendStringInfoString(&sql, "pg_catalog.count(*)");
  for (int i = 0; i < tally->ncounted; ++i) {
    const CounterTerm &term = tally->terms->counters[i];
    appendStringInfo(
        &sql, term.sum ? ", COALESCE(pg_catalog.sum(%s), 0)::%s" : ", pg_catalog.count(*) FILTER (WHERE %s)::%s",
        term.expression, term.sum && tally->counted[i].type == NUMERICOID ? "pg_catalog.numeric" : "pg_catalog.int8");
  }
  appendStringInfo(&sql, " FROM %s%s WHERE ", only ? "ONLY " : "", qualified_relation(tally->relation));
  append_key_columns(&sql, tally, " AND ", " IS NOT NULL");
  appendStringInfoString(&sql, " GROUP BY ");
  for (int i = 0; i < tally->nkey; ++i) appendStringInfo(&sql, "%s%d", i > 0 ? ", " : "", i + 1);
  return sql.data;
}

//   SELECT t."id", COALESCE(t."evaluated_count", 0)::int8 + COALESCE(s.s1, 0), ... FROM schema.parent t
//   LEFT JOIN <spilled sums> s ON t."id" OPERATOR(pg_catalog.=) s.k1 AND ...
const char *exact_counters_sql(const Tally *tally, const Counters *counters) {
  auto **key = palloc_array<const char *>(counters->nkey);
  for (int i = 0; i < counters->nkey; ++i) key[i] = counters->key[i].name;
  auto **names = palloc_array<const char *>(tally->ncounted);
  for (int i = 0; i < tally->ncounted; ++i) names[i] = tally->counted[i].column;
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT ");
  for (int i = 0; i < counters->nkey; ++i)
    appendStringInfo(&sql, "%st.%s", i > 0 ? ", " : "", quote_identifier(key[i]));
  for (int i = 0; i < tally->ncounted; ++i)
    appendStringInfo(&sql, ", COALESCE(t.%s, 0)::%s OPERATOR(pg_catalog.+) COALESCE(s.s%d, 0)",
                     quote_identifier(names[i]),
                     qualified_type(spilled_type(counters->counters[tally->places[i]].type)), i + 1);
  appendStringInfo(&sql, " FROM %s t LEFT JOIN ", qualified_relation(counters->root));
  write_spilled_sums(&sql, counters, key, counters->nkey, names, tally->ncounted, false);
  appendStringInfoString(&sql, " s ON ");
  for (int i = 0; i < counters->nkey; ++i)
    appendStringInfo(&sql, "%st.%s %s s.k%d", i > 0 ? " AND " : "", quote_identifier(key[i]),
                     qualified_operator(equality_operator(counters->key[i].type)), i + 1);
  for (int i = 0; i < tally->ncounted; ++i)
    appendStringInfo(&sql, "%s t.%s IS DISTINCT FROM 0 OR s.s%d IS NOT NULL", i > 0 ? " OR" : " WHERE",
                     quote_identifier(names[i]), i + 1);
  return sql.data;
}

//   SELECT DISTINCT s."id", ... FROM schema.runs_spilled s WHERE NOT EXISTS (SELECT FROM schema.runs t WHERE <same
//   key>)
const char *leftovers_sql(const Counters *counters) {
  StringInfoData sql;
  initStringInfo(&sql);
  for (int i = 0; i < counters->nkey; ++i)
    appendStringInfo(&sql, "%ss.%s", i > 0 ? ", " : "SELECT DISTINCT ", quote_identifier(counters->key[i].name));
  appendStringInfo(&sql, " FROM %s s WHERE NOT EXISTS (SELECT FROM %s t", qualified_relation(counters->spill->relation),
                   qualified_relation(counters->root));
  for (int i = 0; i < counters->nkey; ++i) {
    const char *name = quote_identifier(counters->key[i].name);
    appendStringInfo(&sql, "%s t.%s %s s.%s", i > 0 ? " AND" : " WHERE", name,
                     qualified_operator(equality_operator(counters->key[i].type)), name);
  }
  appendStringInfoChar(&sql, ')');
  return sql.data;
}

//   SELECT t."id", t."evaluated_count", ... FROM schema.parent t WHERE t."evaluated_count" IS DISTINCT FROM 0 OR ...
const char *counters_sql(const Tally *tally, const Counters *counters) {
  if (counters->spill != nullptr) return exact_counters_sql(tally, counters);
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfoString(&sql, "SELECT ");
  for (int i = 0; i < counters->nkey; ++i)
    appendStringInfo(&sql, "%st.%s", i > 0 ? ", " : "", quote_identifier(counters->key[i].name));
  for (int i = 0; i < tally->ncounted; ++i)
    appendStringInfo(&sql, ", t.%s", quote_identifier(tally->counted[i].column));
  appendStringInfo(&sql, " FROM %s t", qualified_relation(counters->root));
  for (int i = 0; i < tally->ncounted; ++i)
    appendStringInfo(&sql, "%s t.%s IS DISTINCT FROM 0", i > 0 ? " OR" : " WHERE",
                     quote_identifier(tally->counted[i].column));
  return sql.data;
}

// Calls take(row, tupdesc) for each row that there is, also one that is newer than the transaction's snapshot: TRUNCATE
// removes it too.
template <typename Take>
void for_each_row(const Counters *counters, const char *sql, Take &&take) {
  const Scope scope = enter(counters);
  SPI_connect();
  SPIPlanPtr plan = SPI_prepare(sql, 0, nullptr);
  if (plan == nullptr) elog(ERROR, "preparing a count failed: %s", SPI_result_code_string(SPI_result));
  const int result =
      SPI_execute_snapshot(plan, nullptr, nullptr, GetLatestSnapshot(), InvalidSnapshot, false, false, 0);
  if (result != SPI_OK_SELECT) elog(ERROR, "counting a table failed: %s", SPI_result_code_string(result));
  for (uint64 i = 0; i < SPI_processed; ++i) {
    CHECK_FOR_INTERRUPTS();
    take(SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
  }
  SPI_finish();
  leave(scope);
}

Pending *entry_of(const Counters *counters, HeapTuple row, TupleDesc tupdesc) {
  Datum key[INDEX_MAX_KEYS];
  bool isnull;
  for (int i = 0; i < counters->nkey; ++i) key[i] = SPI_getbinval(row, tupdesc, i + 1, &isnull);
  return pending_entry(counters, key);
}

// Adds the rows that are in the table to what is pending, or takes them away.
void count_rows(Relation child, Tally *tally, int sign) {
  const Counters *counters = resolve(tally);
  check_owner(tally->root, counters);
  const bool only = child->rd_rel->relkind == RELKIND_RELATION;
  for_each_row(counters, rows_sql(tally, counters, only), [&](HeapTuple row, TupleDesc tupdesc) {
    bool isnull;
    Pending *entry = entry_of(counters, row, tupdesc);
    entry->rows += sign * DatumGetInt64(SPI_getbinval(row, tupdesc, tally->nkey + 1, &isnull));
    for (int i = 0; i < tally->ncounted; ++i) {
      const Datum value = SPI_getbinval(row, tupdesc, tally->nkey + 2 + i, &isnull);
      Delta *delta = &entry->deltas[tally->places[i]];
      if (!tally->counted[i].sum || tally->counted[i].type != NUMERICOID) {
        add_count(delta, DatumGetInt64(value), sign);
        continue;
      }
      check_finite(value);
      add_sum(delta, sign > 0 ? value : DirectFunctionCall1(numeric_uminus, value));
    }
  });
}

// Takes away what is pending for the counters of a tally.
void take_pending(const Tally *tally, Counters *counters) {
  List *entries = NIL;
  ListCell *cell;
  foreach (cell, pending_entries(0))
    if (static_cast<const Pending *>(lfirst(cell))->key.counters->root == counters->root)
      entries = lappend(entries, lfirst(cell));
  for (const auto *before : each<Pending>(merged(entries, counters))) {
    Pending *entry = pending_entry(counters, before->key.values);
    entry->rows -= before->rows;
    for (int i = 0; i < tally->ncounted; ++i) {
      const Delta &delta = before->deltas[tally->places[i]];
      add_count(&entry->deltas[tally->places[i]], delta.count, -1);
      if (delta.sum != 0) add_sum(&entry->deltas[tally->places[i]], DirectFunctionCall1(numeric_uminus, delta.sum));
    }
  }
}

// Takes away what the counters of a tally have, in the row or spilled for it.
void take_stored(const Tally *tally, const Counters *counters) {
  // What lies there would be left.
  if (counters->spill_fault != nullptr && OidIsValid(find_spill_table(counters->root))) error_spill_table(counters);
  for_each_row(counters, counters_sql(tally, counters), [&](HeapTuple row, TupleDesc tupdesc) {
    Pending *entry = entry_of(counters, row, tupdesc);
    for (int i = 0; i < tally->ncounted; ++i) {
      bool isnull;
      const Datum value = SPI_getbinval(row, tupdesc, counters->nkey + 1 + i, &isnull);
      if (isnull) continue;
      const int place = tally->places[i];
      const Oid counter = counters->counters[place].type;
      const Oid type = counters->spill == nullptr ? counter : spilled_type(counter);
      if (type == NUMERICOID)
        add_sum(&entry->deltas[place], DirectFunctionCall1(numeric_uminus, value));
      else
        add_count(&entry->deltas[place], int64_of(type, value), -1);
    }
  });
}

// What lies spilled for parents that are gone with the same command: nobody else will ever add or remove it.
void remove_all_leftovers(const Counters *counters) {
  if (counters->spill == nullptr) return;
  for_each_row(counters, leftovers_sql(counters), [&](HeapTuple row, TupleDesc tupdesc) {
    Datum key[INDEX_MAX_KEYS];
    bool isnull;
    for (int i = 0; i < counters->nkey; ++i) key[i] = SPI_getbinval(row, tupdesc, i + 1, &isnull);
    remove_leftovers(counters, key);
  });
}

// Calls work(tally) for each tally of the table that counts in this session.
template <typename Work>
void for_each_tally(Relation relation, Work &&work) {
  for (const Trigger *trigger : find_triggers(relation, TriggerKind::child)) {
    if (fires_now(*trigger)) work(load_tally(relation, trigger));
  }
}

void before_truncate(Relation relation) {
  const Oid relid = RelationGetRelid(relation);
  // Its shards are truncated, each with its own triggers.
  if (is_distributed(relid)) return;
  if (is_partition_of_announced(relid)) return;
  const bool ends = will_end(relation);
  if (relation->rd_rel->relispartition) {
    for_each_tally(relation, [&](Tally *tally) { count_rows(relation, tally, -1); });
    if (!ends) flush_pending(InvalidOid);
  }
  if (ends) announce(relid);
}

void after_truncate(Relation relation) {
  if (is_distributed(RelationGetRelid(relation))) return;
  const bool was_announced = withdraw(RelationGetRelid(relation));
  if (!relation->rd_rel->relispartition)
    for_each_tally(relation, [&](Tally *tally) {
      Counters *counters = resolve(tally);
      check_owner(tally->root, counters);
      take_pending(tally, counters);
      take_stored(tally, counters);
      remove_all_leftovers(counters);
      count_rows(relation, tally, 1);
    });
  else if (was_announced)
    for_each_tally(relation, [&](Tally *tally) { count_rows(relation, tally, 1); });
  else
    return;  // settled with the whole table, or when it began
  flush_pending(InvalidOid);
}

Datum count_truncate(FunctionCallInfo fcinfo) {
  const bool before = CALLED_AS_TRIGGER(fcinfo) &&
                      TRIGGER_FIRED_BEFORE(reinterpret_cast<const TriggerData *>(fcinfo->context)->tg_event);
  const TriggerData *trigger = require_trigger_call(
      fcinfo, "ratchet.count_truncate", TRIGGER_EVENT_TRUNCATE | (before ? TRIGGER_EVENT_BEFORE : TRIGGER_EVENT_AFTER),
      "BEFORE or AFTER TRUNCATE FOR EACH STATEMENT");
  if (before)
    before_truncate(trigger->tg_relation);
  else
    after_truncate(trigger->tg_relation);
  return PointerGetDatum(nullptr);
}

}  // namespace

void forget_truncates() { announced = NIL; }

// A savepoint that a trigger rolls back to is no end of the command that fired it.
void forget_truncates_of_subtransaction() {
  ListCell *cell;
  foreach (cell, announced)
    if (static_cast<const Announced *>(lfirst(cell))->nest_level >= GetCurrentTransactionNestLevel())
      announced = foreach_delete_current(announced, cell);
}

bool is_counted_at_end(Oid relation) {
  return announced != NIL && is_announced(relation) && get_rel_relispartition(relation);
}

bool is_truncating() { return announced != NIL; }

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_count_truncate) { return ratchet::count_truncate(fcinfo); }

RATCHET_FUNCTION(ratchet_count_truncate_0_2) { return ratchet::count_truncate(fcinfo); }
