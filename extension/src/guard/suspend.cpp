#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "executor/spi.h"
}

#include "contract/ddl_support.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/values.h"
#include "guard/guard_contract.h"
#include "guard/suspend.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/log_text.h"
#include "pg/memory.h"
#include "pg/partition.h"
#include "pg/procedure_call.h"

namespace ratchet {

namespace {

struct Suspension {
  Oid root;
  SubTransactionId subtransaction;
  uint64 rows;
  char *table;  // as it was called, for the log
};

List *suspensions;  // Suspension *, in TopTransactionContext

Suspension *find(Oid root) {
  for (auto *suspension : each<Suspension>(suspensions)) {
    if (suspension->root == root) return suspension;
  }
  return nullptr;
}

// Outside of a transaction block it would be over before anything could use it.
void require_transaction(FunctionCallInfo fcinfo) {
  if (!may_commit(fcinfo) || IsTransactionBlock() || SPI_inside_nonatomic_context()) return;
  ereport(ERROR, errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
          errmsg("%s can only be used in transaction blocks", "ratchet.suspend()"),
          errdetail("It lasts until the end of the transaction."),
          errhint("For example BEGIN; CALL ratchet.suspend('scorecards', 'import of May'); UPDATE ...; COMMIT;"));
}

void suspend(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(0)) error_null_argument("target");
  const char *reason = PG_ARGISNULL(1) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(1));
  if (is_blank(reason))
    error_argument("reason must not be empty", "Say why the contract is suspended; it is written to the server log.");
  require_transaction(fcinfo);
  Relation relation = open_owned(PG_GETARG_OID(0), AccessShareLock, "suspend its contract");
  if (find_trigger(relation, TriggerKind::guard) == nullptr) error_no_contract(relation);
  const Oid relid = RelationGetRelid(relation);
  // Its updates happen elsewhere.
  check_not_distributed(relid, "Call it on a shard, in the transaction on its node that writes it.");
  const Oid root = find_topmost_ancestor(relid);
  // Whoever owns a partition does not own the contract.
  if (root != relid && !owns_relation(root, GetUserId())) error_not_owner(root, "suspend its contract");
  const char *table =
      relation_for_log(get_namespace_name(RelationGetNamespace(relation)), RelationGetRelationName(relation));
  relation_close(relation, NoLock);
  ereport(LOG_SERVER_ONLY, errmsg("ratchet suspend: contract of relation %s by role %s: %s", table,
                                  quoted_for_log(GetUserNameFromId(GetUserId(), false)), quoted_for_log(reason)));
  if (find(root) != nullptr) return;
  MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
  auto *suspension = palloc0_object<Suspension>();
  suspension->root = root;
  suspension->subtransaction = GetCurrentSubTransactionId();
  suspension->table = pstrdup(table);
  suspensions = lappend(suspensions, suspension);
  MemoryContextSwitchTo(caller);
}

}  // namespace

// What was written is told while the transaction can still say its name; of one that is rolled back nothing was.
void report_suspensions() {
  for (const auto *suspension : each<Suspension>(suspensions)) {
    ereport(LOG_SERVER_ONLY, errmsg("ratchet suspend: %llu writes of relation %s were not checked in this transaction",
                                    static_cast<unsigned long long>(suspension->rows), suspension->table));
  }
}

// The memory goes with the transaction.
void forget_suspensions() { suspensions = NIL; }

void hand_over_suspensions(SubTransactionId subtransaction, SubTransactionId parent) {
  for (auto *suspension : each<Suspension>(suspensions)) {
    if (suspension->subtransaction == subtransaction) suspension->subtransaction = parent;
  }
}

void drop_suspensions(SubTransactionId subtransaction) {
  ListCell *cell;
  foreach (cell, suspensions)
    if (static_cast<const Suspension *>(lfirst(cell))->subtransaction == subtransaction)
      suspensions = foreach_delete_current(suspensions, cell);
}

bool is_suspended(Oid root) { return suspensions != NIL && find(root) != nullptr; }

void count_suspended(Oid root) { ++find(root)->rows; }

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_suspend) {
  ratchet::suspend(fcinfo);
  PG_RETURN_VOID();
}
