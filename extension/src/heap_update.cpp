#include "pg/pg.h"

extern "C" {
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "utils/snapmgr.h"
}

#include "heap_update.h"

namespace ratchet {

namespace {

void insert_index_entries(Relation relation, TupleTableSlot *slot, IndexUpdates updates) {
  EState *estate = CreateExecutorState();
  ResultRelInfo *target = makeNode(ResultRelInfo);
  InitResultRelInfo(target, relation, 0, nullptr, 0);
  ExecOpenIndices(target, false);
  insert_updated_index_entries(target, slot, estate, updates);
  ExecCloseIndices(target);
  ExecResetTupleTable(estate->es_tupleTable, false);
  FreeExecutorState(estate);
}

}  // namespace

bool is_plain_heap(Relation relation) {
  const TupleConstr *constraints = RelationGetDescr(relation)->constr;
  return relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_rel->relam == HEAP_TABLE_AM_OID &&
         !relation->rd_rel->relispartition && relation->rd_rules == nullptr &&
         (constraints == nullptr || (constraints->num_check == 0 && !constraints->has_generated_stored));
}

bool is_inserted_by_us(TupleTableSlot *slot) {
  bool isnull;
  const Datum xmin = slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull);
  return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
}

TM_Result store_version(Relation relation, TupleTableSlot *found, HeapTuple row) {
  TupleTableSlot *slot = table_slot_create(relation, nullptr);
  ExecForceStoreHeapTuple(row, slot, false);
  slot->tts_tableOid = RelationGetRelid(relation);

  TM_FailureData failure;
  LockTupleMode lock_mode;
  IndexUpdates updates;
  const TM_Result result =
      table_tuple_update(relation, &found->tts_tid, slot, GetCurrentCommandId(true), GetActiveSnapshot(),
                         InvalidSnapshot, true, &failure, &lock_mode, &updates);
  if (result == TM_Ok && needs_index_entries(updates)) insert_index_entries(relation, slot, updates);
  ExecDropSingleTupleTableSlot(slot);
  if (result != TM_Ok && result != TM_Updated && result != TM_Deleted)
    elog(ERROR, "unexpected result %u of a tuple update", result);
  return result;
}

}  // namespace ratchet
