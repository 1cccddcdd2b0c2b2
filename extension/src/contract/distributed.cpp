#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "nodes/primnodes.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"
}

#include <initializer_list>

#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/stored_trigger.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/user_context.h"

namespace ratchet {

namespace {

// One of Citus's lists. Only a superuser can put a table there. InvalidOid: no Citus.
Oid find_list(const char *name) { return get_relname_relid(name, PG_CATALOG_NAMESPACE); }

// A row of such a list, while it is looked at.
struct Entry {
  HeapTuple tuple;
  TupleDesc tupdesc;

  // What it has in a column; isnull also where there is no such column.
  Datum get(const char *column, bool *isnull) const {
    const AttrNumber attnum = SPI_fnumber(tupdesc, column);
    *isnull = attnum <= 0;
    return *isnull ? Datum(0) : heap_getattr(tuple, attnum, tupdesc, isnull);
  }
  char get_char(const char *column) const {
    bool isnull;
    const Datum value = get(column, &isnull);
    return isnull ? '\0' : DatumGetChar(value);
  }
};

// Calls see(entry) for the rows of a list whose column has this value, as they are now, whatever the transaction's
// snapshot. column: nullptr: all rows.
template <typename See>
void see_entries(const char *list, const char *index, const char *column, RegProcedure equal, Datum value, See &&see) {
  const Oid list_oid = find_list(list);
  if (!OidIsValid(list_oid)) return;
  const AttrNumber attnum = column == nullptr ? InvalidAttrNumber : get_attnum(list_oid, column);
  if (column != nullptr && attnum == InvalidAttrNumber) return;
  const Oid index_oid = index == nullptr ? InvalidOid : find_list(index);
  Relation relation = table_open(list_oid, AccessShareLock);
  ScanKeyData key;
  if (column != nullptr) ScanKeyInit(&key, attnum, BTEqualStrategyNumber, equal, value);
  SysScanDesc scan = systable_beginscan(relation, index_oid, OidIsValid(index_oid), nullptr, column == nullptr ? 0 : 1,
                                        column == nullptr ? nullptr : &key);
  while (HeapTuple tuple = systable_getnext(scan)) see(Entry{tuple, RelationGetDescr(relation)});
  systable_endscan(scan);
  table_close(relation, AccessShareLock);
}

// How Citus distributes a table.
struct Distribution {
  bool listed;
  bool reference;     // every node has all rows
  AttrNumber column;  // InvalidAttrNumber: it has one shard
};

Distribution distribution_of(Oid relid) {
  Distribution found{};
  see_entries("pg_dist_partition", "pg_dist_partition_logical_relid_index", "logicalrelid", F_OIDEQ,
              ObjectIdGetDatum(relid), [&](const Entry &entry) {
                bool isnull;
                const Datum key = entry.get("partkey", &isnull);
                const auto *column =
                    isnull ? nullptr : static_cast<const Node *>(stringToNode(TextDatumGetCString(key)));
                found.listed = true;
                found.reference = entry.get_char("partmethod") == 'n' && entry.get_char("repmodel") == 't';
                if (column != nullptr && IsA(column, Var))
                  found.column = reinterpret_cast<const Var *>(column)->varattno;
              });
  return found;
}

[[noreturn]] void error_distributed(Oid relid, const char *detail, const char *hint) {
  const char *name = get_rel_name(relid);
  ereport(ERROR, errcode(sqlstate_unenforceable), errmsg("relation \"%s\" is not stored on this server alone", name),
          errdetail_internal("%s", detail), errhint("%s", hint),
          (err_generic_string(PG_DIAG_SCHEMA_NAME, get_namespace_name(get_rel_namespace(relid))), 0),
          (err_generic_string(PG_DIAG_TABLE_NAME, name), 0));
  pg_unreachable();
}

[[noreturn]] void error_elsewhere(Oid table) {
  error_distributed(table, "It is distributed by Citus, and the row is on another node.",
                    "Call it through a function that Citus runs where the row is: ratchet.delegate() declares such.");
}

// One of Citus's functions; InvalidOid: it has none such.
Oid find_citus_function(const char *name, std::initializer_list<Oid> types) {
  List *qualified = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup(name)));
  return LookupFuncName(qualified, static_cast<int>(types.size()), types.begin(), true);
}

// While the call waited. The next one is sent to where the row is now.
[[noreturn]] void error_moved(Oid table) {
  ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
          errmsg("a shard of relation \"%s\" was moved to another node concurrently", get_rel_name(table)));
  pg_unreachable();
}

// The one shard with rows of this value; 0: there is none. A function of Citus's that is declared with "any" asks its
// call for the argument's type.
int64 find_shard(Oid table, const char *value) {
  const Oid function = find_citus_function("get_shard_id_for_distribution_column", {REGCLASSOID, ANYOID});
  if (!OidIsValid(function)) return 0;
  FmgrInfo info;
  fmgr_info(function, &info);
  const auto null_of = [](Oid type) {
    return makeConst(type, -1, InvalidOid, get_typlen(type), Datum(0), true, get_typbyval(type));
  };
  fmgr_info_set_expr(
      reinterpret_cast<Node *>(makeFuncExpr(function, INT8OID, list_make2(null_of(REGCLASSOID), null_of(TEXTOID)),
                                            InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL)),
      &info);
  LOCAL_FCINFO(call, 2);
  InitFunctionCallInfoData(*call, &info, 2, InvalidOid, nullptr, nullptr);
  call->args[0] = {ObjectIdGetDatum(table), false};
  call->args[1] = {value == nullptr ? Datum(0) : CStringGetTextDatum(value), value == nullptr};
  const Datum shard = FunctionCallInvoke(call);
  return call->isnull ? 0 : DatumGetInt64(shard);
}

// Keeps a shard where it is until the end of the transaction, as Citus does before it writes one.
void hold_shard(int64 shard) {
  const Oid function = find_citus_function("lock_shard_metadata", {INT4OID, INT8ARRAYOID});
  if (!OidIsValid(function)) elog(ERROR, "Citus has no function lock_shard_metadata(integer, bigint[])");
  Datum element = Int64GetDatum(shard);
  OidFunctionCall2(
      function, Int32GetDatum(ShareLock),
      PointerGetDatum(construct_array(&element, 1, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

// Which of Citus's groups of nodes this server is in; -1: none.
int32 local_group() {
  int32 group = -1;
  see_entries("pg_dist_local_group", nullptr, nullptr, InvalidOid, Datum(0), [&](const Entry &entry) {
    bool isnull;
    const Datum value = entry.get("groupid", &isnull);
    if (!isnull) group = DatumGetInt32(value);
  });
  return group;
}

// Where a shard is.
struct Placement {
  bool here;
  bool elsewhere;
};

Placement placement_of(int64 shard) {
  const int32 local = local_group();
  Placement found{};
  see_entries("pg_dist_placement", "pg_dist_placement_shardid_index", "shardid", F_INT8EQ, Int64GetDatum(shard),
              [&](const Entry &entry) {
                bool isnull;
                const Datum group = entry.get("groupid", &isnull);
                const bool here = !isnull && DatumGetInt32(group) == local;
                found.here = found.here || here;
                found.elsewhere = found.elsewhere || !here;
              });
  return found;
}

bool is_here_alone(int64 shard) {
  const Placement placement = placement_of(shard);
  return placement.here && !placement.elsewhere;
}

// What Citus calls the shard; InvalidOid: there is no such relation here.
Oid find_relation_of_shard(Oid table, int64 shard) {
  const Oid function = find_citus_function("shard_name", {REGCLASSOID, INT8OID, BOOLOID});
  if (!OidIsValid(function)) return InvalidOid;
  const Datum name = OidFunctionCall3(function, ObjectIdGetDatum(table), Int64GetDatum(shard), BoolGetDatum(false));
  const List *parts = textToQualifiedNameList(DatumGetTextPP(name));
  return get_relname_relid(strVal(llast(parts)), get_rel_namespace(table));
}

// What Citus has appended to the name of a shard; 0: nothing.
int64 shard_in_name(const char *name) {
  const char *digits = strrchr(name, '_');
  if (digits == nullptr || digits[1] == '\0' || strspn(digits + 1, "0123456789") != strlen(digits + 1)) return 0;
  return strtoll(digits + 1, nullptr, 10);
}

// Where the range of a shard's values begins, which shards of tables that are distributed alike have in common;
// nullptr: nothing says where a row is, and there is one shard.
const char *start_of(int64 shard, Oid *table) {
  const char *start = nullptr;
  see_entries("pg_dist_shard", "pg_dist_shard_shardid_index", "shardid", F_INT8EQ, Int64GetDatum(shard),
              [&](const Entry &entry) {
                bool isnull;
                *table = DatumGetObjectId(entry.get("logicalrelid", &isnull));
                const Datum value = entry.get("shardminvalue", &isnull);
                start = isnull ? nullptr : TextDatumGetCString(value);
              });
  return start;
}

bool is_same_start(const char *a, const char *b) { return a == nullptr || b == nullptr ? a == b : strcmp(a, b) == 0; }

void hold_shard_as_owner(Oid table, int64 shard) {
  const Oid owner = require_owner(table);
  const User caller = become(owner, restriction_for(owner));
  hold_shard(shard);
  restore(caller);
}

// Sees to it that a shard is on this node alone until the end of the transaction. Citus lets nobody but the owner keep
// one where it is.
void keep_shard(Oid table, int64 shard) {
  if (distribution_of(table).reference)
    error_distributed(table, "It is a reference table of Citus, of which every node has a copy.",
                      "Write it with plain SQL, by its own name.");
  const bool was_here = is_here_alone(shard);
  hold_shard_as_owner(table, shard);
  if (is_here_alone(shard)) return;
  if (was_here) error_moved(table);
  error_elsewhere(table);
}

}  // namespace

bool has_citus() { return OidIsValid(find_list("pg_dist_partition")); }

bool is_distributed(Oid relid) { return has_citus() && distribution_of(relid).listed; }

void check_not_distributed(Oid relid, const char *hint) {
  if (is_distributed(relid)) error_distributed(relid, "It is distributed by Citus.", hint);
}

void check_planned_here(const PlannedStmt *planned, Oid relid) {
  if (IsA(planned->planTree, CustomScan))
    error_distributed(relid, "An extension has planned the statement in a way of its own.",
                      "Call it where the table's rows are. It can never work by this name.");
}

AttrNumber distribution_column(Oid table) { return distribution_of(table).column; }

Oid require_local_shard(Oid table, const char *value, ShardUse use) {
  // Whoever may write the table need not be able to read it, and Citus tells others nothing.
  const Oid owner = require_owner(table);
  const User caller = become(owner, restriction_for(owner));
  const int64 shard = find_shard(table, value);
  restore(caller);
  if (shard == 0) error_elsewhere(table);
  if (use == ShardUse::write)
    keep_shard(table, shard);
  else if (!is_here_alone(shard))
    error_elsewhere(table);
  const Oid relation = find_relation_of_shard(table, shard);
  if (!OidIsValid(relation)) error_elsewhere(table);
  return relation;
}

void keep_own_shard(Oid relid) {
  const Oid table = table_of_shard(relid);
  if (OidIsValid(table)) keep_shard(table, shard_in_name(get_rel_name(relid)));
}

bool try_keep_own_shard(Oid relid) {
  const Oid table = table_of_shard(relid);
  if (!OidIsValid(table)) return true;
  const int64 shard = shard_in_name(get_rel_name(relid));
  if (!is_here_alone(shard)) return false;
  hold_shard_as_owner(table, shard);
  return is_here_alone(shard);
}

namespace {

List *shards_of(Oid table) {
  List *shards = NIL;
  see_entries("pg_dist_shard", "pg_dist_shard_logical_relid_index", "logicalrelid", F_OIDEQ, ObjectIdGetDatum(table),
              [&](const Entry &entry) {
                bool isnull;
                auto *shard = palloc_object<int64>();
                *shard = DatumGetInt64(entry.get("shardid", &isnull));
                shards = lappend(shards, shard);
              });
  return shards;
}

}  // namespace

Oid shard_beside(Oid shard, Oid table) {
  Oid of;
  const char *start = start_of(shard_in_name(get_rel_name(shard)), &of);
  for (const auto *other : each<int64>(shards_of(table)))
    if (is_same_start(start_of(*other, &of), start)) return find_relation_of_shard(table, *other);
  return InvalidOid;
}

List *local_shards(Oid table) {
  List *relations = NIL;
  for (const auto *shard : each<int64>(shards_of(table))) {
    const Oid relation = placement_of(*shard).here ? find_relation_of_shard(table, *shard) : InvalidOid;
    if (OidIsValid(relation)) relations = lappend_oid(relations, relation);
  }
  return relations;
}

Oid table_of_shard(Oid relid) {
  const int64 shard = shard_in_name(get_rel_name(relid));
  Oid table = InvalidOid;
  if (shard == 0) return InvalidOid;
  see_entries("pg_dist_shard", "pg_dist_shard_shardid_index", "shardid", F_INT8EQ, Int64GetDatum(shard),
              [&](const Entry &entry) {
                bool isnull;
                table = DatumGetObjectId(entry.get("logicalrelid", &isnull));
              });
  return OidIsValid(table) && find_relation_of_shard(table, shard) == relid ? table : InvalidOid;
}

void check_one_parent_copy(Relation child, Oid parent) {
  if (!has_citus() || !distribution_of(parent).reference || distribution_of(RelationGetRelid(child)).reference) return;
  error_unenforceable(child, "its parent is a reference table of Citus, and every node would count into its own copy",
                      "Distribute the parent by the key that its children refer to.");
}

void notice_flushed_elsewhere() {
  bool any = false;
  see_entries("pg_dist_partition", nullptr, nullptr, InvalidOid, Datum(0), [&](const Entry &entry) {
    bool isnull;
    const Oid table = DatumGetObjectId(entry.get("logicalrelid", &isnull));
    for (const auto *trigger : each<StoredTrigger>(stored_triggers(table)))
      any = any || trigger->kind == TriggerKind::flush;
  });
  if (!any) return;
  ereport(NOTICE, errmsg("nothing that was counted on this server is left to write"),
          errdetail("What is counted for tables that Citus distributes is on the nodes of their rows until COMMIT."),
          errhint("A verb writes it earlier where it is called with flush => true."));
}

const char *name_on_table(Relation relation, const char *name) {
  const char *table = RelationGetRelationName(relation);
  const char *suffix = strrchr(table, '_');
  const size_t length = strlen(name);
  if (suffix == nullptr || length <= strlen(suffix) || strcmp(name + length - strlen(suffix), suffix) != 0 ||
      !OidIsValid(table_of_shard(RelationGetRelid(relation))))
    return name;
  return pnstrdup(name, length - strlen(suffix));
}

bool is_coordinator() { return local_group() == 0; }

}  // namespace ratchet
