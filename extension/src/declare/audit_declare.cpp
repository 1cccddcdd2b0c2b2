#include "declare/audit_declare.h"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "utils/acl.h"
#include "utils/inval.h"
}

#include "activity/audit.h"
#include "contract/companion.h"
#include "contract/ddl_support.h"
#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "declare/companion.h"
#include "declare/see_rows.h"
#include "guard/attempts_table.h"
#include "pg/list.h"
#include "pg/quote.h"

namespace ratchet {

namespace {

constexpr const char *label = "attempts";

bool is_kept(Relation table) {
  const Trigger *rows = find_named(table, attempts_trigger_name);
  const Trigger *truncate = find_named(table, attempts_truncate_trigger_name);
  return rows != nullptr && fires_ordinarily(*rows) && truncate != nullptr && fires_ordinarily(*truncate);
}

//   CREATE OR REPLACE TRIGGER "~ratchet_attempts_truncate" BEFORE TRUNCATE ON schema.table
//   FOR EACH STATEMENT EXECUTE FUNCTION ratchet.keep_attempts()
List *keep_from_truncate(List *commands, const char *name) {
  return lappend(commands, psprintf("CREATE OR REPLACE TRIGGER %s BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE "
                                    "FUNCTION ratchet.keep_attempts()",
                                    quote_identifier(attempts_truncate_trigger_name), name));
}

List *keep(List *commands, Oid relid, const char *name) {
  return keep_from_truncate(tie(commands, relid, name, attempts_trigger_name, "keep_attempts"), name);
}

// Default privileges may have given rights on it to those who may read the owner's other tables. Addresses of clients
// are not for them, unless the owner grants it. A role that dumps the database may be among them, so it is told.
void revoke_all(const char *name) {
  List *commands = NIL;
  StringInfoData roles;
  initStringInfo(&roles);
  see_rows(psprintf("SELECT DISTINCT CASE a.grantee WHEN 0::pg_catalog.oid THEN 'PUBLIC' ELSE "
                    "pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END FROM pg_catalog.pg_class c "
                    "CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a WHERE c.oid OPERATOR(pg_catalog.=) "
                    "%s::pg_catalog.regclass AND a.grantee OPERATOR(pg_catalog.<>) c.relowner ORDER BY 1",
                    quote_literal_cstr(name)),
           [&](HeapTuple row, TupleDesc tupdesc) {
             const char *role = SPI_getvalue(row, tupdesc, 1);
             commands = lappend(commands, psprintf("REVOKE ALL ON %s FROM %s", name, role));
             appendStringInfo(&roles, "%s%s", roles.len > 0 ? ", " : "", role);
           });
  if (commands == NIL) return;
  run_all(commands);
  ereport(NOTICE, errmsg("table %s can be read by its owner alone, whatever default privileges there are", name),
          errhint("GRANT SELECT ON %s TO who dumps the database, or reads what was attempted; it was revoked from %s.",
                  name, roles.data));
}

// It has no key, so without the replica identity nothing could be removed where a publication FOR ALL TABLES has it.
// The index is what an owner reads the newest by; others of columns he may add.
void create_table(Oid relid) {
  const char *name = choose_name(relid, label);
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "CREATE TABLE %s (", name);
  for (int i = 0; i < attempt_column_count; ++i)
    appendStringInfo(&sql, "%s%s %s%s", i > 0 ? ", " : "", quote_identifier(attempt_columns[i].name),
                     attempt_columns[i].type_name, attempt_columns[i].not_null ? " NOT NULL" : "");
  // Whatever the default access method is: rows are stored by the heap.
  appendStringInfoString(&sql, ") USING heap");
  List *commands = list_make1(sql.data);
  commands = lappend(commands, psprintf("ALTER TABLE %s REPLICA IDENTITY FULL", name));
  commands = lappend(commands, psprintf("CREATE INDEX ON %s (%s)", name, attempt_columns[at_column].name));
  commands = lappend(commands, psprintf("COMMENT ON TABLE %s IS %s", name,
                                        quote_literal_cstr(psprintf("Attempts at rows of %s, a row each; the columns "
                                                                    "are those of the view ratchet.attempts. Written "
                                                                    "by ratchet alone.",
                                                                    qualified_relation(relid)))));
  commands = keep(commands, relid, name);
  run_all(hand_over(commands, relid, "TABLE", name));
  revoke_all(name);
}

// A table that no contract has, but that one of a table of this name has had: after DROP EXTENSION, or in place of a
// table that was dropped. InvalidOid: there is none. Where the name had to be shortened it may be another table's.
Oid find_left_behind(Oid relid) {
  const char *name = makeObjectName(get_rel_name(relid), nullptr, label);
  const bool whole = strcmp(name, psprintf("%s_%s", get_rel_name(relid), label)) == 0;
  const Oid oid = whole ? get_relname_relid(name, get_rel_namespace(relid)) : InvalidOid;
  // Nobody else's table is waited for.
  if (!OidIsValid(oid) || find_owner_of_relation(oid) != find_owner_of_relation(relid)) return InvalidOid;
  Relation table = try_relation_open(oid, ShareRowExclusiveLock);
  if (table == nullptr) return InvalidOid;
  const bool fits = !OidIsValid(find_parent_of_attempts(table)) && find_attempts_fault_of(relid, table) == nullptr;
  relation_close(table, NoLock);
  return fits ? oid : InvalidOid;
}

void take_up(Oid relid, Oid oid) {
  run_all(keep(NIL, relid, qualified_relation(oid)));
  ereport(NOTICE,
          errmsg("attempts at rows of relation \"%s\" go on in table \"%s\"", get_rel_name(relid), get_rel_name(oid)));
}

}  // namespace

void check_auditable(Oid relid) {
  if (!is_distributed(relid)) return;
  ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
          errmsg("attempts at rows of relation \"%s\" cannot be stored", get_rel_name(relid)),
          errdetail("Citus distributes it."),
          errhint("Declare the contract without audit; ratchet.log says the same."));
}

bool is_audit_settled(Oid relid) {
  const Oid oid = find_companion(relid, TriggerKind::attempts);
  Relation table = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : nullptr;
  if (table == nullptr) return false;
  const bool settled = is_kept(table) && find_attempts_fault_of(relid, table) == nullptr;
  relation_close(table, NoLock);
  return settled;
}

void settle_attempts_table(Oid relid) {
  if (is_audit_settled(relid)) return;
  const Oid oid = find_companion(relid, TriggerKind::attempts);
  if (!OidIsValid(oid)) {
    const Oid left = find_left_behind(relid);
    if (OidIsValid(left))
      take_up(relid, left);
    else
      create_table(relid);
    return;
  }
  Relation table = table_open(oid, ShareRowExclusiveLock);
  const char *fault = find_attempts_fault_of(relid, table);
  if (fault != nullptr) error_broken(relid, fault, attempts_hint);
  const char *name = qualified_relation(oid);
  List *commands = keep_from_truncate(NIL, name);
  commands =
      lappend(commands, psprintf("ALTER TABLE %s ENABLE TRIGGER %s", name, quote_identifier(attempts_trigger_name)));
  table_close(table, NoLock);
  run_all(commands);
}

void announce_attempts_table(Relation table) {
  const Oid parent = find_parent_of_attempts(table);
  if (!OidIsValid(parent)) return;
  for (const Oid oid : each_oid(find_all_inheritors(parent, NoLock, nullptr))) CacheInvalidateRelcacheByRelid(oid);
}

void check_attempts_table(Relation table) {
  const Oid parent = find_parent_of_attempts(table);
  if (!OidIsValid(parent) || !has_audit(parent)) return;
  const char *fault = find_attempts_fault_of(parent, table);
  if (fault != nullptr) error_unenforceable(table, fault, "Declare the contract of its table without audit first.");
}

void notice_left_attempts(Oid table) {
  ereport(NOTICE,
          errmsg("table \"%s\" keeps what was attempted at rows of the table that is dropped", get_rel_name(table)),
          errhint("DROP TABLE %s, when nobody needs it any more.", qualified_relation(table)));
}

void check_dropped_attempts(Oid relid) {
  const Oid owner = find_owner_of_relation(relid);
  if (!OidIsValid(owner) || !has_privs_of_role(GetUserId(), owner)) return;
  if (has_audit(relid) && !OidIsValid(find_attempts_table(relid)))
    error_broken(relid, "there would be no table for what is attempted",
                 "Declare the contract without audit first, with replace => true.");
}

}  // namespace ratchet
