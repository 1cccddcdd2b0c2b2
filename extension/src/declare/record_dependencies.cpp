// declare/record_dependencies.cpp: ratchet.record_dependencies(), the step after pg_upgrade.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
}

#include "contract/ddl_support.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "declare/tally_triggers.h"
#include "pg/attempt.h"
#include "pg/fence.h"
#include "pg/list.h"

namespace ratchet {

namespace {

// A table that counts or is counted, and whose dependencies are not all there. One call at a time, or each would record
// them; the lock stays, so that the next one finds them.
bool record(Oid relid) {
  Relation relation = try_relation_open(relid, ShareUpdateExclusiveLock);
  if (relation == nullptr) return false;
  const bool lacks = lacks_dependencies(relation);
  relation_close(relation, NoLock);
  if (lacks) write_dependencies(relid);
  return lacks;
}

// What cannot be resolved any more must not keep the other tables from theirs.
bool try_to_record(Oid relid) {
  bool recorded = false;
  const ErrorData *error = attempt([&] { recorded = record(relid); });
  if (error != nullptr)
    ereport(WARNING, errcode(error->sqlerrcode),
            errmsg("what the tallies of \"%s\" depend on was not recorded: %s", get_rel_name(relid), error->message),
            errhint("Give its owner back what it names, or declare the tally without it."));
  return recorded;
}

List *tables_with_tallies() {
  return list_concat_unique_oid(tables_with(TriggerKind::child), tables_with(TriggerKind::parent));
}

int64 record_one(Oid target) {
  if (!owns_relation(target, GetUserId())) error_not_owner(target, "record its dependencies");
  if (!list_member_oid(tables_with_tallies(), target))
    ereport(ERROR, errcode(sqlstate_unenforceable), errmsg("relation \"%s\" has no tally", get_rel_name(target)),
            errhint("Declare one with ratchet.tally()."));
  return record(target) ? 1 : 0;
}

int64 record_all() {
  int64 recorded = 0;
  for (const Oid oid : each_oid(tables_with_tallies())) {
    CHECK_FOR_INTERRUPTS();
    if (owns_relation(oid, GetUserId()) && try_to_record(oid)) ++recorded;
  }
  return recorded;
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_record_dependencies) {
  PG_RETURN_INT64(PG_ARGISNULL(0) ? ratchet::record_all() : ratchet::record_one(PG_GETARG_OID(0)));
}
