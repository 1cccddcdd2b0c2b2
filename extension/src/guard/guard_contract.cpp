#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "catalog/partition.h"
#include "catalog/pg_index.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/partcache.h"
#include "utils/syscache.h"
}

#include <algorithm>

#include "contract/errors.h"
#include "contract/guarded_column.h"
#include "contract/stored_trigger.h"
#include "contract/structure.h"
#include "contract/times.h"
#include "guard/allows_direct.h"
#include "guard/attempts_table.h"
#include "guard/guard_contract.h"
#include "guard/guard_trigger.h"
#include "guard/policy.h"
#include "guard/structure.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/partition.h"
#include "pg/row_value.h"
#include "pg/unique_value.h"

namespace ratchet {

namespace {

// InvalidAttrNumber: there is no such column, or none is named.
AttrNumber column_named(Relation relation, const char *name) {
  const TupleDesc tupdesc = RelationGetDescr(relation);
  for (int i = 0; name != nullptr && i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (!attribute->attisdropped && strcmp(NameStr(attribute->attname), name) == 0) return attribute->attnum;
  }
  return InvalidAttrNumber;
}

Oid base_type(Relation relation, AttrNumber attnum) {
  return getBaseType(TupleDescAttr(RelationGetDescr(relation), attnum - 1)->atttypid);
}

// The attribute numbers of this partition that any ancestor partitions by.
Bitmapset *partition_key_columns(Relation leaf) {
  Bitmapset *columns = nullptr;
  List *ancestors = get_partition_ancestors(RelationGetRelid(leaf));
  for (const Oid oid : each_oid(ancestors)) {
    Relation ancestor = table_open(oid, AccessShareLock);
    const PartitionKey key = RelationGetPartitionKey(ancestor);
    Bitmapset *used = nullptr;
    for (int i = 0; i < get_partition_natts(key); ++i)
      if (const AttrNumber attnum = get_partition_col_attnum(key, i); attnum != 0)
        used = bms_add_member(used, attnum - FirstLowInvalidHeapAttributeNumber);
    pull_varattnos(reinterpret_cast<Node *>(key->partexprs), 1, &used);
    // A whole-row expression depends on every column.
    const bool whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
    const TupleDesc tupdesc = RelationGetDescr(ancestor);
    for (int i = 0; i < tupdesc->natts; ++i) {
      const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
      if (attribute->attisdropped) continue;
      if (!whole_row && !bms_is_member(attribute->attnum - FirstLowInvalidHeapAttributeNumber, used)) continue;
      columns = bms_add_member(columns, get_attnum(RelationGetRelid(leaf), NameStr(attribute->attname)));
    }
    table_close(ancestor, NoLock);
  }
  return columns;
}

// The function that the index compares its first column for equality with.
FmgrInfo primary_equal(Oid index, MemoryContext context) {
  Relation relation = index_open(index, AccessShareLock);
  const Oid type = relation->rd_opcintype[0];
  const Oid op = get_opfamily_member(relation->rd_opfamily[0], type, type, BTEqualStrategyNumber);
  index_close(relation, NoLock);
  FmgrInfo function;
  fmgr_info_cxt(get_opcode(op), &function, context);
  return function;
}

bool new_is_stored(Relation relation) {
  return relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relispartition &&
         is_only_before_update(relation);
}

// What is attempted at an owner's rows is for nobody else to read. Whoever changes either owner invalidates this.
void resolve_attempts(GuardContract *contract) {
  contract->other = find_attempts_table(contract->root);
  if (OidIsValid(contract->other) && find_owner_of_relation(contract->other) == find_owner_of_relation(contract->root))
    contract->tracked.attempts = contract->other;
}

Cached *build(Relation relation, const Trigger *trigger) {
  MemoryContext context = CurrentMemoryContext;
  auto *contract = palloc0_object<GuardContract>();
  const GuardTerms *terms = contract->terms = parse_guard_trigger(context, relation, trigger);
  check_columns(relation, terms, sqlstate_unenforceable, Faults::own);
  require_time_zone(relation, terms->time_zone);

  contract->nguarded = terms->nguarded;
  contract->guarded = palloc_array<GuardedColumn>(terms->nguarded);
  for (int i = 0; i < terms->nguarded; ++i) {
    const AttrNumber attnum = column_named(relation, terms->guarded[i]);
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
    contract->guarded_set = bms_add_member(contract->guarded_set, attnum - FirstLowInvalidHeapAttributeNumber);
    contract->last_guarded = std::max(contract->last_guarded, attnum);
    contract->guarded[i] = {attnum, attribute->attlen, attribute->attbyval, terms->guarded[i]};
  }
  for (int i = 0; i < terms->nignored; ++i)
    contract->ignored = bms_add_member(contract->ignored, column_named(relation, terms->ignored[i]));
  contract->gate = column_named(relation, terms->gate);
  contract->gate_at = column_named(relation, terms->gate_at);
  contract->actor = column_named(relation, terms->actor);
  if (contract->actor != InvalidAttrNumber) {
    Oid output;
    bool varlena;
    getTypeOutputInfo(TupleDescAttr(RelationGetDescr(relation), contract->actor - 1)->atttypid, &output, &varlena);
    fmgr_info_cxt(output, &contract->actor_output, context);
  }
  contract->idempotency_key = column_named(relation, terms->idempotency_key);
  contract->key_is_unique = may_be_unique(relation, contract->idempotency_key);
  if (contract->gate != InvalidAttrNumber) contract->gate_type = base_type(relation, contract->gate);
  resolve_policies(relation, contract);

  contract->primary_key = single_primary_key(relation);
  if (contract->primary_key != InvalidAttrNumber) {
    contract->primary_index = primary_key_index(relation);
    contract->primary_equal = primary_equal(contract->primary_index, context);
    // A fence need not turn it off: what submit() sets there leaves the fence alone, and is current.
    contract->direct = contract->version == InvalidAttrNumber && allows_direct(relation);
  }
  contract->new_is_stored = new_is_stored(relation);
  contract->is_parent = find_trigger(relation, TriggerKind::parent) != nullptr;
  contract->root = RelationGetRelid(relation);
  if (relation->rd_rel->relispartition) {
    contract->root = find_topmost_ancestor(contract->root);
    contract->partition_key = partition_key_columns(relation);
  }
  contract->tracked = track(TrackedKind::guard, contract->root);
  contract->tracked.audited = terms->audit;
  if (terms->audit) resolve_attempts(contract);
  check_structure(relation);
  return contract;
}

}  // namespace

// Domains may forbid NULL as well, at any level.
static bool type_forbids_null(Oid type) {
  for (;;) {
    HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for type %u", type);
    const auto form = reinterpret_cast<Form_pg_type>(GETSTRUCT(tuple));
    const bool forbids = form->typnotnull;
    const bool is_domain = form->typtype == TYPTYPE_DOMAIN;
    type = form->typbasetype;
    ReleaseSysCache(tuple);
    if (forbids || !is_domain) return forbids;
  }
}

static ColumnFault find_gate_fault(Relation relation, const GuardTerms *terms, Faults which) {
  const TupleDesc tupdesc = RelationGetDescr(relation);
  const auto type_of = [&](const char *name) { return base_type(relation, column_named(relation, name)); };

  const Oid gate_type = type_of(terms->gate);
  if (gate_type != BOOLOID && !is_time(gate_type))
    return {terms->gate,
            "column \"%s\" of relation \"%s\" cannot be a gate: its type must be timestamp with time zone, timestamp "
            "or boolean"};
  const Form_pg_attribute gate = TupleDescAttr(tupdesc, column_named(relation, terms->gate) - 1);
  if (is_time(gate_type) && (gate->attnotnull || (which == Faults::all && type_forbids_null(gate->atttypid))))
    return {terms->gate, "column \"%s\" of relation \"%s\" cannot be a gate: it is NOT NULL and so can never be open"};
  if (terms->gate_at != nullptr && gate_type != BOOLOID)
    return {terms->gate_at, "column \"%s\" of relation \"%s\" cannot be gate_at: the gate itself says when it closed"};
  if (terms->gate_at != nullptr && !is_time(type_of(terms->gate_at)))
    return {
        terms->gate_at,
        "column \"%s\" of relation \"%s\" cannot be gate_at: its type must be timestamp with time zone or timestamp"};
  return {};
}

ColumnFault find_column_fault(Relation relation, const GuardTerms *terms, Faults which) {
  const TupleDesc tupdesc = RelationGetDescr(relation);
  for (int i = 0; i < terms->nguarded; ++i) {
    const AttrNumber attnum = column_named(relation, terms->guarded[i]);
    if (attnum == InvalidAttrNumber) return {terms->guarded[i]};
    if (TupleDescAttr(tupdesc, attnum - 1)->attgenerated != '\0')
      return {terms->guarded[i], "column \"%s\" of relation \"%s\" is generated and cannot be guarded"};
    // It cannot be told from a value that somebody has chosen.
    if (terms->insert_reject && terms->policies[i] == core::Policy::owned && has_volatile_default(relation, attnum))
      return {terms->guarded[i],
              "column \"%s\" of relation \"%s\" has a volatile default, which insert => 'reject' cannot recognise"};
  }
  for (int i = 0; i < terms->nignored; ++i)
    if (column_named(relation, terms->ignored[i]) == InvalidAttrNumber) return {terms->ignored[i]};
  const ColumnFault fault = terms->gate == nullptr ? ColumnFault{} : find_gate_fault(relation, terms, which);
  if (fault.column != nullptr) return fault;
  if (terms->idempotency_key != nullptr) {
    const Oid type = base_type(relation, column_named(relation, terms->idempotency_key));
    if (type != UUIDOID && type != TEXTOID && type != VARCHAROID)
      return {terms->idempotency_key,
              "column \"%s\" of relation \"%s\" cannot be the idempotency key: its type must be uuid or text"};
  }
  return find_policy_fault(relation, terms, which);
}

const char *text_of(const ColumnFault &fault, const char *relation) {
  return fault.message == nullptr ? nullptr : psprintf(fault.message, fault.column, relation, fault.more, fault.also);
}

void check_columns(Relation relation, const GuardTerms *terms, int sqlstate, Faults which) {
  const ColumnFault fault = find_column_fault(relation, terms, which);
  if (fault.column == nullptr) return;
  const char *text = text_of(fault, RelationGetRelationName(relation));
  if (text == nullptr) error_no_column(sqlstate, relation, fault.column);
  error_column_fault(sqlstate, relation, fault.column, text);
}

GuardContract *load_guard_contract(Relation relation, const Trigger *trigger) {
  return static_cast<GuardContract *>(cached(relation, trigger, TriggerKind::guard, build));
}

GuardContract *require_contract(Relation relation) {
  const CachedTrigger found = find_cached(relation, TriggerKind::guard, build);
  if (!found.exists) error_no_contract(relation);
  if (found.object == nullptr) error_disabled(relation);
  return static_cast<GuardContract *>(found.object);
}

GuardContract *find_contract(Relation relation) {
  return static_cast<GuardContract *>(find_cached(relation, TriggerKind::guard, build).object);
}

AttrNumber single_primary_key(Relation relation) {
  const Oid index = primary_key_index(relation);
  if (!OidIsValid(index)) return InvalidAttrNumber;
  HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
  if (!HeapTupleIsValid(tuple)) return InvalidAttrNumber;
  const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
  const AttrNumber attnum = form->indnkeyatts == 1 ? form->indkey.values[0] : InvalidAttrNumber;
  ReleaseSysCache(tuple);
  return attnum;
}

bool gate_is_closed(const GuardContract *contract, Datum value, bool isnull) {
  return contract->gate != InvalidAttrNumber && !isnull && (contract->gate_type != BOOLOID || DatumGetBool(value));
}

}  // namespace ratchet
