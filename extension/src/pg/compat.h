// pg/compat.h: every difference between the supported PostgreSQL versions.
#pragma once

extern "C" {
#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/relcache.h"
#if PG_VERSION_NUM < 160000
#include "nodes/parsenodes.h"
#endif
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif
}

#if PG_VERSION_NUM < 150000
#error "ratchet needs PostgreSQL 15 or newer"
#endif

// Since 18 a library tells its name and version, which pg_get_loaded_modules() shows.
#if PG_VERSION_NUM >= 180000
#define RATCHET_MODULE_MAGIC(library) PG_MODULE_MAGIC_EXT(.name = library, .version = RATCHET_VERSION)
#else
#define RATCHET_MODULE_MAGIC(library) PG_MODULE_MAGIC
#endif

namespace ratchet {

inline bool owns_relation(Oid relation, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_ownercheck(RelationRelationId, relation, role);
#else
  return pg_class_ownercheck(relation, role);
#endif
}

inline bool may_execute(Oid function, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
  return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

inline bool may_use_schema(Oid schema, Oid role) {
#if PG_VERSION_NUM >= 160000
  return object_aclcheck(NamespaceRelationId, schema, role, ACL_USAGE) == ACLCHECK_OK;
#else
  return pg_namespace_aclcheck(schema, role, ACL_USAGE) == ACLCHECK_OK;
#endif
}

// Before 16 the walkers are declared without their arguments.
using Walker = bool (*)(Node *node, void *context);

inline bool walk_expression(Node *node, Walker walker, void *context) {
#if PG_VERSION_NUM >= 160000
  return expression_tree_walker(node, walker, context);
#else
  return expression_tree_walker(node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), context);
#endif
}

inline bool walk_raw_expression(Node *node, Walker walker, void *context) {
#if PG_VERSION_NUM >= 160000
  return raw_expression_tree_walker(node, walker, context);
#else
  return raw_expression_tree_walker(node, reinterpret_cast<bool (*)()>(reinterpret_cast<void (*)()>(walker)), context);
#endif
}

inline bool holds_lock(const LOCKTAG *tag, LOCKMODE mode) {
#if PG_VERSION_NUM >= 170000
  return LockHeldByMe(tag, mode, false);
#else
  return LockHeldByMe(tag, mode);
#endif
}

inline Oid primary_key_index(Relation relation) {
#if PG_VERSION_NUM >= 180000
  return RelationGetPrimaryKeyIndex(relation, false);
#else
  return RelationGetPrimaryKeyIndex(relation);
#endif
}

inline void run_executor(QueryDesc *query) {
#if PG_VERSION_NUM >= 180000
  ExecutorRun(query, ForwardScanDirection, 0);
#else
  ExecutorRun(query, ForwardScanDirection, 0, true);
#endif
}

inline IndexScanDesc begin_index_scan(Relation heap, Relation index, Snapshot snapshot, int nkeys) {
#if PG_VERSION_NUM >= 180000
  return index_beginscan(heap, index, snapshot, nullptr, nkeys, 0);
#else
  return index_beginscan(heap, index, snapshot, nkeys, 0);
#endif
}

// Since 18 a constraint may be NOT ENFORCED.
inline bool is_marked_enforced([[maybe_unused]] Form_pg_constraint constraint) {
#if PG_VERSION_NUM >= 180000
  return constraint->conenforced;
#else
  return true;
#endif
}

// What an update of a heap's row says of the indexes: since 16 it may be only the summarizing ones.
#if PG_VERSION_NUM >= 160000
using IndexUpdates = TU_UpdateIndexes;
inline bool needs_index_entries(IndexUpdates updates) { return updates != TU_None; }
#else
using IndexUpdates = bool;
inline bool needs_index_entries(IndexUpdates updates) { return updates; }
#endif

// Waits for a writer that has the row.
inline TM_Result update_heap(Relation relation, ItemPointer tid, HeapTuple row, CommandId command,
                             TM_FailureData *failure, IndexUpdates *updates) {
  LockTupleMode lock_mode;
#if PG_VERSION_NUM >= 160000
  return heap_update(relation, tid, row, command, InvalidSnapshot, true, failure, &lock_mode, updates);
#else
  const TM_Result result = heap_update(relation, tid, row, command, InvalidSnapshot, true, failure, &lock_mode);
  *updates = !HeapTupleIsHeapOnly(row);
  return result;
#endif
}

inline void insert_new_index_entries(ResultRelInfo *target, TupleTableSlot *slot, EState *estate) {
#if PG_VERSION_NUM >= 160000
  ExecInsertIndexTuples(target, slot, estate, false, false, nullptr, NIL, false);
#else
  ExecInsertIndexTuples(target, slot, estate, false, false, nullptr, NIL);
#endif
}

inline void insert_updated_index_entries(ResultRelInfo *target, TupleTableSlot *slot, EState *estate,
                                         [[maybe_unused]] IndexUpdates updates) {
#if PG_VERSION_NUM >= 160000
  ExecInsertIndexTuples(target, slot, estate, true, false, nullptr, NIL, updates == TU_Summarizing);
#else
  ExecInsertIndexTuples(target, slot, estate, true, false, nullptr, NIL);
#endif
}

// Since 17 memory that all sessions share can be had by name, without a preloaded library: made by the first that asks,
// and there until the server is shut down.
#if PG_VERSION_NUM >= 170000
inline constexpr bool has_named_memory = true;
inline void *find_named_memory(const char *name, Size size, void (*init)(void *memory)) {
  bool found;
  return GetNamedDSMSegment(name, size, init, &found);
}
#else
inline constexpr bool has_named_memory = false;
inline void *find_named_memory(const char *, Size, void (*)(void *memory)) { return nullptr; }
#endif

}  // namespace ratchet
