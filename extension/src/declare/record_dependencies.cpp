// declare/record_dependencies.cpp: ratchet.record_dependencies(), the step after pg_upgrade.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
}

#include "contract/ddl_support.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "declare/tally_triggers.h"
#include "pg/fence.h"
#include "pg/list.h"

namespace ratchet {

namespace {

// A table that counts or is counted, and whose dependencies are not all there.
bool record(Oid relid) {
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return false;
  const bool lacks = lacks_dependencies(relation);
  // The lock stays: whoever else records them waits for nothing, and DDL on the table waits until these are there.
  relation_close(relation, NoLock);
  if (lacks) write_dependencies(relid);
  return lacks;
}

int64 record_all(Oid target) {
  if (OidIsValid(target) && !owns_relation(target, GetUserId())) error_not_owner(target, "record its dependencies");
  List *tables = list_concat_unique_oid(tables_with(TriggerKind::child), tables_with(TriggerKind::parent));
  int64 recorded = 0;
  for (const Oid oid : each_oid(tables)) {
    CHECK_FOR_INTERRUPTS();
    if (OidIsValid(target) ? oid != target : !owns_relation(oid, GetUserId())) continue;
    if (record(oid)) ++recorded;
  }
  return recorded;
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_record_dependencies) {
  PG_RETURN_INT64(ratchet::record_all(PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0)));
}
