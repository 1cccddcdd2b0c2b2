// truncate.cpp: TRUNCATE of a counted table.
//
// The whole table: all counters become zero, which needs no look at the rows.
// One partition: its rows are counted and subtracted before they go. TRUNCATE
// holds ACCESS EXCLUSIVE, so nobody else adds rows meanwhile, and PostgreSQL
// refuses it while this transaction has counts of the table pending.
#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "catalog/partition.h"
}

#include "flush.h"
#include "guard.h"
#include "pg/fence.h"
#include "recount.h"

namespace ratchet {

namespace {

// The partitioned table of which one TRUNCATE empties all partitions: set by
// its BEFORE trigger, taken back by its AFTER trigger.
Oid truncating;

void forget_truncating(XactEvent, void *) { truncating = InvalidOid; }

void forget_truncating_sub(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
  if (event == SUBXACT_EVENT_ABORT_SUB) truncating = InvalidOid;
}

bool is_partition_of(Oid relation, Oid root) {
  return get_rel_relispartition(relation) && list_member_oid(get_partition_ancestors(relation), root);
}

void before_truncate(Relation relation) {
  const Oid relid = RelationGetRelid(relation);
  if (relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) {
    truncating = relid;
    return;
  }
  if (OidIsValid(truncating) && is_partition_of(relid, truncating)) return;
  for (int n = 0;; ++n) {
    const Trigger *trigger = find_trigger(relation, Role::source, n);
    if (trigger == nullptr) break;
    if (fires_now(*trigger)) take_leaf(relation, trigger);
  }
  flush_pending(InvalidOid);
}

void after_truncate(Relation relation) {
  truncating = InvalidOid;
  for (int n = 0;; ++n) {
    const Trigger *trigger = find_trigger(relation, Role::source, n);
    if (trigger == nullptr) return;
    if (!fires_now(*trigger)) continue;
    const Tally *tally = tally_of(relation, trigger);
    set_zero(tally->relation, tally->other, tally->terms);
  }
}

}  // namespace

void init_truncate() {
  RegisterXactCallback(fenced<forget_truncating>, nullptr);
  RegisterSubXactCallback(fenced<forget_truncating_sub>, nullptr);
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_count_truncate) {
  const bool before = CALLED_AS_TRIGGER(fcinfo) &&
                      TRIGGER_FIRED_BEFORE(reinterpret_cast<const TriggerData *>(fcinfo->context)->tg_event);
  const TriggerData *trigger = ratchet::require_trigger_call(
      fcinfo, "ratchet.count_truncate", TRIGGER_EVENT_TRUNCATE | (before ? TRIGGER_EVENT_BEFORE : TRIGGER_EVENT_AFTER),
      "BEFORE or AFTER TRUNCATE FOR EACH STATEMENT");
  if (before)
    ratchet::before_truncate(trigger->tg_relation);
  else
    ratchet::after_truncate(trigger->tg_relation);
  return PointerGetDatum(nullptr);
}
