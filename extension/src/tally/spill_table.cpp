#include "tally/spill_table.h"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_index.h"
#include "utils/syscache.h"
}

#include "contract/companion.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "pg/heap_update.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "tally/tally.h"

namespace ratchet {

namespace {

bool is_over(HeapTuple tuple, const SpillTable *table, int nkey) {
  const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  if (form->indisunique || !form->indisvalid || form->indisexclusion || form->indnkeyatts != nkey + 1 ||
      form->indnatts != nkey + 1 || !heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) ||
      !heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr) || form->indkey.values[nkey] != table->writer)
    return false;
  for (int i = 0; i < nkey; ++i)
    if (form->indkey.values[i] != table->key[i]) return false;
  return true;
}

// Another index than that. Whoever appends a row must wait for nobody, as an entry in a unique index would, and compute
// nothing.
bool is_plain(HeapTuple tuple) {
  const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  return !form->indisunique && !form->indisexclusion && heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
         heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
}

// Finds the index that is as it was made. While REINDEX CONCURRENTLY makes it anew there are two, as there may be where
// somebody has added one. false: there is none, or one that an appended row must not have an entry in.
bool find_index(Relation relation, SpillTable *table, int nkey) {
  bool fits = true;
  for (const Oid oid : each_oid(RelationGetIndexList(relation))) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple)) return false;
    if (!OidIsValid(table->index) && is_over(tuple, table, nkey))
      table->index = oid;
    else
      table->has_others = true;
    fits = fits && is_plain(tuple);
    ReleaseSysCache(tuple);
  }
  return fits && OidIsValid(table->index);
}

// Whether a row has all columns, and nothing else has to be seen to when one is stored.
bool is_as_made(Relation relation, const Counters *counters, SpillTable *table) {
  if (!is_plain_heap(relation)) return false;
  int columns = 1;
  table->relation = RelationGetRelid(relation);
  table->key = palloc_array<AttrNumber>(counters->nkey);
  table->counters = palloc_array<AttrNumber>(counters->ncounters);
  table->writer = column_with(relation, writer_column_name, XID8OID, true);
  bool whole = table->writer != InvalidAttrNumber;
  for (int i = 0; i < counters->nkey; ++i, ++columns) {
    table->key[i] = column_with(relation, counters->key[i].name, counters->key[i].type, true);
    whole = whole && table->key[i] != InvalidAttrNumber &&
            TupleDescAttr(RelationGetDescr(relation), table->key[i] - 1)->attcollation == counters->key[i].collation;
  }
  for (int i = 0; i < counters->ncounters; ++i, ++columns) {
    table->counters[i] =
        column_with(relation, counters->counters[i].name, spilled_type(counters->counters[i].type), true);
    whole = whole && table->counters[i] != InvalidAttrNumber;
  }
  for (int i = 0; i < RelationGetDescr(relation)->natts; ++i)
    if (!TupleDescAttr(RelationGetDescr(relation), i)->attisdropped) --columns;
  if (!whole || columns != 0) return false;
  return find_index(relation, table, counters->nkey);
}

}  // namespace

namespace {

// Whether a shard has the trigger of its table.
bool keeps_spilled(Oid shard) {
  bool keeps = false;
  for (const auto *trigger : each<StoredTrigger>(stored_triggers(shard)))
    keeps = keeps || trigger->kind == TriggerKind::spilled;
  return keeps;
}

}  // namespace

Oid find_spill_table(Oid parent) {
  const Oid distributed = table_of_shard(parent);
  if (!OidIsValid(distributed)) return find_companion(parent, TriggerKind::spilled);
  const Oid table = find_companion(distributed, TriggerKind::spilled);
  const Oid shard = OidIsValid(table) ? shard_beside(parent, table) : InvalidOid;
  return OidIsValid(shard) && keeps_spilled(shard) ? shard : InvalidOid;
}

Oid find_parent_of_spilled(Relation relation) {
  const Oid parent = find_named_parent(relation, TriggerKind::spilled);
  if (!OidIsValid(parent) || !OidIsValid(table_of_shard(RelationGetRelid(relation)))) return parent;
  return shard_beside(RelationGetRelid(relation), parent);
}

List *spilling_parents(Oid owner) {
  List *parents = NIL;
  for (const Oid oid : each_oid(companions(TriggerKind::spilled, owner))) {
    Relation relation = try_relation_open(oid, AccessShareLock);
    if (relation == nullptr) continue;
    const Oid parent = find_parent_of_spilled(relation);
    if (OidIsValid(parent)) parents = list_append_unique_oid(parents, parent);
    relation_close(relation, AccessShareLock);
  }
  return parents;
}

Oid spilled_type(Oid counter) { return counter == NUMERICOID ? NUMERICOID : INT8OID; }

void write_spilled_sums(StringInfo sql, const Counters *counters, const char *const *key, int nkey,
                        const char *const *names, int count, bool one_row) {
  const auto write_key = [&](const char *joint, auto &&write) {
    for (int i = 0; i < nkey; ++i) {
      if (i > 0) appendStringInfoString(sql, joint);
      write(i, quote_identifier(key[i]));
    }
  };
  appendStringInfoString(sql, "(SELECT ");
  write_key(", ", [&](int i, const char *column) { appendStringInfo(sql, "s.%s AS k%d", column, i + 1); });
  for (int i = 0; i < count; ++i) {
    const Oid type = get_atttype(counters->root, get_attnum(counters->root, names[i]));
    appendStringInfo(sql, ", pg_catalog.sum(s.%s)::%s AS s%d", quote_identifier(names[i]),
                     qualified_type(spilled_type(type)), i + 1);
  }
  appendStringInfo(sql, " FROM %s s", qualified_relation(counters->spill->relation));
  if (one_row) {
    appendStringInfoString(sql, " WHERE ");
    write_key(" AND ", [&](int i, const char *column) {
      const Oid type = get_atttype(counters->root, get_attnum(counters->root, key[i]));
      appendStringInfo(sql, "s.%s %s $%d", column, qualified_operator(equality_operator(type)), i + 1);
    });
  }
  appendStringInfoString(sql, " GROUP BY ");
  write_key(", ", [&](int, const char *column) { appendStringInfo(sql, "s.%s", column); });
  appendStringInfoChar(sql, ')');
}

const SpillTable *resolve_spill_table(const Counters *counters, Oid oid, const char **fault) {
  *fault = nullptr;
  Relation relation = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : nullptr;
  if (relation == nullptr) {
    *fault = "there is no table for spilled counts";
    return nullptr;
  }
  auto *table = palloc0_object<SpillTable>();
  if (relation->rd_rel->relowner != counters->owner)
    *fault = psprintf("table \"%s\" for spilled counts has another owner", RelationGetRelationName(relation));
  else if (relation->rd_rel->relpersistence != get_rel_persistence(counters->root))
    *fault = psprintf("table \"%s\" for spilled counts is logged and its parent is not, or the other way round",
                      RelationGetRelationName(relation));
  else if (!is_as_made(relation, counters, table))
    *fault = psprintf("table \"%s\" for spilled counts is not as ratchet.tally() has made it",
                      RelationGetRelationName(relation));
  relation_close(relation, AccessShareLock);
  return *fault == nullptr ? table : nullptr;
}

void error_spill_table(const Counters *counters) {
  error_unenforceable(table_open(counters->root, NoLock), counters->spill_fault, spill_table_hint);
}

}  // namespace ratchet
