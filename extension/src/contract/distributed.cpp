#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
}

#include "contract/distributed.h"
#include "contract/errors.h"

namespace ratchet {

namespace {

// Citus's list of the tables that it manages. Only a superuser can put a table there. InvalidOid: no Citus.
Oid list_of_tables() { return get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE); }

bool is_listed(Oid list, Oid relid) {
  const AttrNumber attnum = get_attnum(list, "logicalrelid");
  if (attnum == InvalidAttrNumber) return false;
  const Oid index = get_relname_relid("pg_dist_partition_logical_relid_index", PG_CATALOG_NAMESPACE);
  Relation tables = table_open(list, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
  SysScanDesc scan = systable_beginscan(tables, index, OidIsValid(index), nullptr, 1, &key);
  const bool listed = HeapTupleIsValid(systable_getnext(scan));
  systable_endscan(scan);
  table_close(tables, AccessShareLock);
  return listed;
}

[[noreturn]] void error_distributed(Oid relid, const char *detail, const char *hint) {
  const char *name = get_rel_name(relid);
  ereport(ERROR, errcode(sqlstate_unenforceable), errmsg("relation \"%s\" is not stored on this server alone", name),
          errdetail_internal("%s", detail), errhint("%s", hint),
          (err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(get_rel_namespace(relid))), 0),
          (err_generic_string(PG_DIAG_TABLE_NAME, name), 0));
  pg_unreachable();
}

}  // namespace

void check_not_distributed(Oid relid) {
  const Oid list = list_of_tables();
  if (OidIsValid(list) && is_listed(list, relid))
    error_distributed(relid, "It is distributed by Citus.",
                      "Call it on its shard, or through a distributed function. It can never work by this name.");
}

void check_planned_here(const PlannedStmt *planned, Oid relid) {
  if (IsA(planned->planTree, CustomScan))
    error_distributed(relid, "An extension has planned the statement in a way of its own.",
                      "Call it where the table's rows are. It can never work by this name.");
}

}  // namespace ratchet
