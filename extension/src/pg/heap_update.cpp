#include "pg/pg.h"

extern "C" {
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/tupmacs.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
}

#include "pg/heap_update.h"

namespace ratchet {

namespace {

// insert(target, slot, estate)
template <typename Insert>
void with_indexes(Relation relation, HeapTuple row, Insert &&insert) {
  TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsHeapTuple);
  ExecStoreHeapTuple(row, slot, false);
  EState *estate = CreateExecutorState();
  ResultRelInfo *target = makeNode(ResultRelInfo);
  InitResultRelInfo(target, relation, 0, nullptr, 0);
  ExecOpenIndices(target, false);
  insert(target, slot, estate);
  ExecCloseIndices(target);
  ExecResetTupleTable(estate->es_tupleTable, false);
  FreeExecutorState(estate);
  ExecDropSingleTupleTableSlot(slot);
}

void insert_index_entries(Relation relation, HeapTuple row, IndexUpdates updates) {
  with_indexes(relation, row, [&](ResultRelInfo *target, TupleTableSlot *slot, EState *estate) {
    insert_updated_index_entries(target, slot, estate, updates);
  });
}

// Where the row has a column's value; nullptr: it has none, but NULL or the column's default.
char *place_of(HeapTuple row, TupleDesc tupdesc, AttrNumber attnum) {
  const HeapTupleHeader header = row->t_data;
  if (attnum > HeapTupleHeaderGetNatts(header) || heap_attisnull(row, attnum, tupdesc)) return nullptr;
  char *data = reinterpret_cast<char *>(header) + header->t_hoff;
  Size offset = 0;
  for (int i = 0;; ++i) {
    if (HeapTupleHasNulls(row) && att_isnull(i, header->t_bits)) continue;
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    offset = att_align_pointer(offset, attribute->attalign, attribute->attlen, data + offset);
    if (attribute->attnum == attnum) return data + offset;
    offset = att_addlength_pointer(offset, attribute->attlen, data + offset);
  }
}

}  // namespace

bool is_plain_heap(Relation relation) {
  const TupleConstr *constraints = RelationGetDescr(relation)->constr;
  return relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_rel->relam == HEAP_TABLE_AM_OID &&
         !relation->rd_rel->relispartition && relation->rd_rules == nullptr &&
         (constraints == nullptr || (constraints->num_check == 0 && !constraints->has_generated_stored));
}

AttrNumber column_with(Relation relation, const char *name, Oid type, bool not_null) {
  const TupleDesc tupdesc = RelationGetDescr(relation);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (attribute->attisdropped || strcmp(NameStr(attribute->attname), name) != 0) continue;
    const bool fits =
        attribute->atttypid == type && attribute->attnotnull == not_null && attribute->attgenerated == '\0';
    return fits ? attribute->attnum : InvalidAttrNumber;
  }
  return InvalidAttrNumber;
}

bool is_inserted_by_us(TupleTableSlot *slot) {
  bool isnull;
  const Datum xmin = slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull);
  return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
}

HeapTuple modified(Relation relation, HeapTuple row, int count, int *attnums, Datum *values, bool *nulls) {
  TupleDesc tupdesc = RelationGetDescr(relation);
  HeapTuple copy = heap_copytuple(row);
  for (int i = 0; i < count; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, attnums[i] - 1);
    char *place = nulls[i] || !attribute->attbyval ? nullptr : place_of(copy, tupdesc, attribute->attnum);
    if (place == nullptr) return heap_modify_tuple_by_cols(row, tupdesc, count, attnums, values, nulls);
    store_att_byval(place, values[i], attribute->attlen);
  }
  return copy;
}

void insert_row(Relation relation, HeapTuple row) {
  with_indexes(relation, row, [&](ResultRelInfo *target, TupleTableSlot *slot, EState *estate) {
    table_tuple_insert(relation, slot, GetCurrentCommandId(true), 0, nullptr);
    insert_new_index_entries(target, slot, estate);
  });
}

TM_Result store_version(Relation relation, TupleTableSlot *found, HeapTuple row) {
  row->t_tableOid = RelationGetRelid(relation);
  TM_FailureData failure;
  IndexUpdates updates;
  const TM_Result result = update_heap(relation, &found->tts_tid, row, GetCurrentCommandId(true), &failure, &updates);
  if (result == TM_Ok && needs_index_entries(updates)) insert_index_entries(relation, row, updates);
  if (result != TM_Ok && result != TM_Updated && result != TM_Deleted)
    elog(ERROR, "unexpected result %u of a tuple update", result);
  return result;
}

}  // namespace ratchet
