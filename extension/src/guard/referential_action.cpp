// guard/referential_action.cpp: telling a foreign key's own action from a stale writer.
//
// ON DELETE SET NULL on an owned column must still null it: keeping the value
// would leave a reference to a row that is gone. The flag that the trigger
// manager sets around referential actions, and the owner as whom they run, are only
// quick filters, because both leak into triggers that fire underneath. The proof is in the
// data: the referenced row that OLD names no longer exists, or this transaction
// has written it, and NEW has exactly what the
// constraint's action puts there. That it stays gone is sure: whoever deleted
// it holds the row, so nobody else can insert its key again before this
// transaction ends. This transaction itself can (UPDATE u SET id = id + 1 gives
// each key to another row), so a row that it has written does not count as the
// one that OLD names.
#include "pg/pg.h"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_constraint.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "utils/syscache.h"
}

#include "contract/stored_trigger.h"
#include "guard/guard_trigger.h"
#include "pg/foreign_key.h"
#include "pg/list.h"
#include "pg/quote.h"
#include "pg/row_value.h"

namespace ratchet {

namespace {

bool all_not_null(const ForeignKeyCacheInfo *key, TupleTableSlot *slot) {
  for (int i = 0; i < key->nkeys; ++i)
    if (slot_attisnull(slot, key->conkey[i])) return false;
  return true;
}

// A referential action runs as the owner of the referencing table, of the topmost one for its partitions. A trigger
// that fires underneath an action of somebody else's tables does not.
bool is_owner_acting(Relation relation, const GuardContract *contract) {
  return GetUserId() == relation->rd_rel->relowner || GetUserId() == require_owner(contract->root);
}

// Copies: what is looked up of a key may rebuild the relcache entry that owns the list.
List *copy_keys(Relation relation) { return static_cast<List *>(copyObjectImpl(RelationGetFKeyList(relation))); }

// Who wrote the row that the slot's row refers to.
enum class Referenced { none, by_others, by_us };

// Looks the referenced row up:
//   SELECT x.xmin FROM <referenced> x WHERE x.<key> OPERATOR(pg_catalog.=) $1 AND ...
// Run as the referenced table's owner with row security off, as the foreign
// key's own checks are, so that neither the writer's rights nor a policy can
// make a row look gone.
Referenced referenced_row(const ForeignKeyCacheInfo *key, TupleTableSlot *slot) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT x.xmin FROM %s x WHERE ", qualified_relation(key->confrelid));
  Oid types[INDEX_MAX_KEYS];
  Datum values[INDEX_MAX_KEYS];
  for (int i = 0; i < key->nkeys; ++i) {
    bool isnull;
    values[i] = slot_getattr(slot, key->conkey[i], &isnull);
    types[i] = TupleDescAttr(slot->tts_tupleDescriptor, key->conkey[i] - 1)->atttypid;
    appendStringInfo(&sql, "%sx.%s %s $%d", i > 0 ? " AND " : "",
                     quote_identifier(get_attname(key->confrelid, key->confkey[i], false)),
                     qualified_operator(key->conpfeqop[i]), i + 1);
  }

  Oid user;
  int security;
  GetUserIdAndSecContext(&user, &security);
  const Oid owner = require_owner(key->confrelid);

  SPI_connect();
  SetUserIdAndSecContext(owner, security | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
  const int result = SPI_execute_with_args(sql.data, key->nkeys, types, values, nullptr, false, 1);
  // An error leaves the user to the (sub)transaction's abort, which restores it.
  SetUserIdAndSecContext(user, security);
  if (result != SPI_OK_SELECT) elog(ERROR, "looking up a referenced key failed: %s", SPI_result_code_string(result));
  Referenced referenced = Referenced::none;
  if (SPI_processed > 0) {
    bool isnull;
    const Datum xmin = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
    referenced =
        TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin)) ? Referenced::by_us : Referenced::by_others;
  }
  SPI_finish();
  return referenced;
}

// The table whose constraint acts: of a partition's it is the topmost one that has it.
Oid acting_relation(Oid constraint) {
  for (;;) {
    HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint));
    if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for constraint %u", constraint);
    const auto form = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
    const Oid relation = form->conrelid;
    constraint = form->conparentid;
    ReleaseSysCache(tuple);
    if (!OidIsValid(constraint)) return relation;
  }
}

// Whether SET DEFAULT, which is an UPDATE of that table, puts this value into the column. What a volatile default
// was at that moment cannot be known; that the referenced row is gone has to be proof enough.
bool is_set_by_default(Oid acting, const char *column, Datum value, bool isnull) {
  Relation relation = table_open(acting, AccessShareLock);
  const AttrNumber attnum = get_attnum(acting, column);
  const bool is =
      attnum > 0 && (has_volatile_default(relation, attnum) || has_default_value(relation, attnum, value, isnull));
  table_close(relation, NoLock);
  return is;
}

// Whether NEW has in all these columns what the action puts there.
bool has_action_values(const TriggerData *trigger, const ForeignKeyCacheInfo *key, char action,
                       const Bitmapset *columns) {
  if (action != FKCONSTR_ACTION_SETNULL && action != FKCONSTR_ACTION_SETDEFAULT) return false;
  for (int attnum = -1; (attnum = bms_next_member(columns, attnum)) >= 0;) {
    bool isnull;
    const Datum value = slot_getattr(trigger->tg_newslot, attnum, &isnull);
    const char *name = NameStr(TupleDescAttr(RelationGetDescr(trigger->tg_relation), attnum - 1)->attname);
    const bool fits = action == FKCONSTR_ACTION_SETNULL
                          ? isnull
                          : is_set_by_default(acting_relation(key->conoid), name, value, isnull);
    if (!fits) return false;
  }
  return true;
}

// Places of contract->guarded that belong to the key and are in `changed`.
Bitmapset *key_columns(const ForeignKeyCacheInfo *key, const GuardContract *contract, const Bitmapset *changed) {
  Bitmapset *columns = nullptr;
  for (int place = -1; (place = bms_next_member(changed, place)) >= 0;)
    for (int i = 0; i < key->nkeys; ++i)
      if (key->conkey[i] == contract->guarded[place].attnum) columns = bms_add_member(columns, place);
  return columns;
}

// The attribute numbers of these places.
Bitmapset *attributes_of(const GuardContract *contract, const Bitmapset *places) {
  Bitmapset *attnums = nullptr;
  for (int place = -1; (place = bms_next_member(places, place)) >= 0;)
    attnums = bms_add_member(attnums, contract->guarded[place].attnum);
  return attnums;
}

// The columns of the key that the update changes.
Bitmapset *changed_key(const TriggerData *trigger, const ForeignKeyCacheInfo *key) {
  Bitmapset *attnums = nullptr;
  for (int i = 0; i < key->nkeys; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(trigger->tg_relation), key->conkey[i] - 1);
    const Value before = value_of(trigger->tg_trigslot, key->conkey[i]);
    const Value after = value_of(trigger->tg_newslot, key->conkey[i]);
    if (!same_image(before.datum, before.isnull, after.datum, after.isnull, attribute->attbyval, attribute->attlen))
      attnums = bms_add_member(attnums, key->conkey[i]);
  }
  return attnums;
}

// Whether a change of these columns is an action of the key.
bool is_action_of(const TriggerData *trigger, const ForeignKeyCacheInfo *key, const Bitmapset *columns) {
  HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(key->conoid));
  if (!HeapTupleIsValid(tuple)) return false;
  const auto constraint = reinterpret_cast<Form_pg_constraint>(GETSTRUCT(tuple));
  const char on_delete = constraint->confdeltype;
  const char on_update = constraint->confupdtype;
  ReleaseSysCache(tuple);
  if (is_reference_clone(key->conoid) || !all_not_null(key, trigger->tg_trigslot)) return false;

  // A deleted row leaves no key behind; an updated one may have left its key to another row of the same statement.
  const Referenced old_row = referenced_row(key, trigger->tg_trigslot);
  if (old_row == Referenced::by_others) return false;
  if (old_row == Referenced::none && has_action_values(trigger, key, on_delete, columns)) return true;
  if (has_action_values(trigger, key, on_update, columns)) return true;
  // A cascade leads to the row that this transaction has given the new key.
  return on_update == FKCONSTR_ACTION_CASCADE && all_not_null(key, trigger->tg_newslot) &&
         referenced_row(key, trigger->tg_newslot) == Referenced::by_us;
}

}  // namespace

Bitmapset *referential_changes(const TriggerData *trigger, const GuardContract *contract, const Bitmapset *changed) {
  if (!InNoForceRLSOperation() || !is_owner_acting(trigger->tg_relation, contract)) return nullptr;
  Bitmapset *explained = nullptr;
  for (const auto *key : each<ForeignKeyCacheInfo>(copy_keys(trigger->tg_relation))) {
    const Bitmapset *columns = key_columns(key, contract, changed);
    if (columns != nullptr && is_action_of(trigger, key, attributes_of(contract, columns)))
      explained = bms_add_members(explained, columns);
  }
  return explained;
}

bool is_referential_action(const TriggerData *trigger, const GuardContract *contract) {
  if (!InNoForceRLSOperation() || !is_owner_acting(trigger->tg_relation, contract)) return false;
  for (const auto *key : each<ForeignKeyCacheInfo>(copy_keys(trigger->tg_relation))) {
    const Bitmapset *columns = changed_key(trigger, key);
    if (columns != nullptr && is_action_of(trigger, key, columns)) return true;
  }
  return false;
}

}  // namespace ratchet
