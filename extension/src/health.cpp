// health.cpp: what keeps a contract from being enforced, for people and for
// monitoring; and the decoded arguments that the view ratchet.contract reads.
#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "catalog/indexing.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "funcapi.h"
#include "utils/fmgroids.h"
#include "utils/tuplestore.h"
}

#include "contract.h"
#include "pg/fence.h"
#include "sqltext.h"
#include "structure.h"
#include "target.h"

namespace ratchet {

namespace {

List *add(List *findings, const char *severity, const char *text, const char *remedy) {
  auto *finding = static_cast<Finding *>(palloc(sizeof(Finding)));
  *finding = {severity, text, remedy};
  return lappend(findings, finding);
}

const char *column_text(const ColumnFault &fault) {
  return fault.why == nullptr ? psprintf("column \"%s\" of the contract does not exist", fault.column)
                              : psprintf("column \"%s\" %s", fault.column, fault.why);
}

List *trigger_findings(List *findings, Relation relation, const Trigger *trigger, const char *name) {
  const char *table = RelationGetRelationName(relation);
  if (trigger == nullptr)
    return add(findings, "error", psprintf("\"%s\" has no trigger \"%s\"", table, name),
               "Declare the contract again with ratchet.guard().");
  if (!fires_ordinarily(*trigger))
    return add(findings, "error", psprintf("trigger \"%s\" of \"%s\" does not fire in ordinary sessions", name, table),
               psprintf("ALTER TABLE %s ENABLE TRIGGER %s, or declare the contract again with ratchet.guard().",
                        qualified_relation(RelationGetRelid(relation)), quote_identifier(name)));
  return findings;
}

// Findings about one table of a contract: the table itself or a partition.
List *member_findings(List *findings, Relation member, Relation root) {
  const Trigger *guard = find_guard_trigger(member);
  findings = trigger_findings(findings, member, guard, guard_trigger_name);
  if (guard != nullptr) {
    const Terms *terms = terms_of_trigger(CurrentMemoryContext, member, guard);
    const ColumnFault fault = find_column_fault(member, terms);
    // Partitions have the columns of their root.
    if (fault.column != nullptr && member == root)
      findings = add(findings, "error", column_text(fault),
                     "Declare the contract again with ratchet.guard(..., replace => true).");
    if (terms->insert_reject)
      findings = trigger_findings(findings, member, find_insert_trigger(member), insert_trigger_name);
  }
  if (member->rd_rel->relowner != root->rd_rel->relowner)
    findings =
        add(findings, "warning",
            psprintf("partition \"%s\" has another owner, who can disable its guard", RelationGetRelationName(member)),
            "ALTER TABLE ... OWNER TO the owner of the partitioned table.");
  return list_concat(findings, structural_findings(member));
}

List *findings_of(Oid relid) {
  Relation root = try_relation_open(relid, AccessShareLock);
  if (root == nullptr) return NIL;
  List *findings = NIL;
  ListCell *cell;
  foreach (cell, find_all_inheritors(relid, AccessShareLock, nullptr)) {
    Relation member = table_open(lfirst_oid(cell), NoLock);
    // Plain inheritance children are a finding of their parent, not members of the contract.
    if (RelationGetRelid(member) == relid || member->rd_rel->relispartition)
      findings = member_findings(findings, member, root);
    // The root is locked, and released, once.
    table_close(member, lfirst_oid(cell) == relid ? NoLock : AccessShareLock);
  }
  if (root->rd_rel->relkind == RELKIND_PARTITIONED_TABLE) findings = list_concat(findings, move_findings(relid));
  relation_close(root, AccessShareLock);
  return findings;
}

void put_findings(FunctionCallInfo fcinfo, List *findings) {
  InitMaterializedSRF(fcinfo, 0);
  const auto *result = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
  ListCell *cell;
  foreach (cell, findings) {
    const auto *finding = static_cast<const Finding *>(lfirst(cell));
    Datum values[3] = {CStringGetTextDatum(finding->severity), CStringGetTextDatum(finding->text),
                       CStringGetTextDatum(finding->remedy)};
    bool nulls[3] = {false, false, false};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
  }
}

// The arguments of a trigger, split at their terminating zeros.
Datum arguments_of(Oid trigger) {
  List *arguments = NIL;
  Relation catalog = table_open(TriggerRelationId, AccessShareLock);
  ScanKeyData key;
  ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(trigger));
  SysScanDesc scan = systable_beginscan(catalog, TriggerOidIndexId, true, nullptr, 1, &key);
  if (HeapTuple tuple = systable_getnext(scan)) {
    bool isnull;
    const Datum packed = heap_getattr(tuple, Anum_pg_trigger_tgargs, RelationGetDescr(catalog), &isnull);
    const int count = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(tuple))->tgnargs;
    const char *argument = isnull ? "" : VARDATA_ANY(DatumGetByteaPP(packed));
    for (int i = 0; !isnull && i < count; ++i) {
      arguments = lappend(arguments, pstrdup(argument));
      argument += strlen(argument) + 1;
    }
  }
  systable_endscan(scan);
  table_close(catalog, AccessShareLock);
  return text_array(arguments);
}

}  // namespace

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_findings) {
  ratchet::put_findings(fcinfo, ratchet::findings_of(PG_GETARG_OID(0)));
  return Datum(0);
}

RATCHET_FUNCTION(ratchet_arguments) { return ratchet::arguments_of(PG_GETARG_OID(0)); }
