// declare/guard_declare.cpp: ratchet.guard() and ratchet.unguard().
#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "utils/array.h"
}

#include <algorithm>

#include "activity/rate.h"
#include "contract/ddl_support.h"
#include "contract/errors.h"
#include "contract/states_argument.h"
#include "contract/structure.h"
#include "contract/times.h"
#include "contract/trigger_shapes.h"
#include "declare/audit_declare.h"
#include "declare/existing_rows.h"
#include "declare/guard_declare.h"
#include "guard/guard_contract.h"
#include "guard/structure.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/quote.h"
#include "pg/unique_value.h"
#include "tally/tally.h"

namespace ratchet {

namespace {

// Arguments of ratchet.guard(), in their order.
enum Argument {
  target_argument,
  gate_argument,
  gate_at_argument,
  gate_by_argument,
  actor_argument,
  idempotency_key_argument,
  owned_argument,
  once_argument,
  frozen_argument,
  forward_argument,
  states_argument,
  heartbeat_argument,
  version_argument,
  version_ignores_argument,
  fence_argument,
  alive_argument,
  time_zone_argument,
  mode_argument,
  insert_argument,
  delete_argument,
  audit_argument,
  rate_limit_argument,
  replace_argument,
  validate_argument
};

const GuardTerms *read_terms(FunctionCallInfo fcinfo) {
  GuardRequest request{};
  request.gate = name_argument(fcinfo, gate_argument);
  request.gate_at = name_argument(fcinfo, gate_at_argument);
  request.gate_by = text_or_null(fcinfo, gate_by_argument);
  request.actor = name_argument(fcinfo, actor_argument);
  request.idempotency_key = name_argument(fcinfo, idempotency_key_argument);
  request.owned = names_argument(fcinfo, owned_argument, &request.nowned);
  request.once = names_argument(fcinfo, once_argument, &request.nonce);
  request.frozen = names_argument(fcinfo, frozen_argument, &request.nfrozen);
  request.forward = names_argument(fcinfo, forward_argument, &request.nforward);
  if (!PG_ARGISNULL(states_argument))
    request.states = graph_arguments(PG_GETARG_JSONB_P(states_argument), &request.nstates);
  request.heartbeat = name_argument(fcinfo, heartbeat_argument);
  request.version = name_argument(fcinfo, version_argument);
  request.ignored = names_argument(fcinfo, version_ignores_argument, &request.nignored);
  request.fence = name_argument(fcinfo, fence_argument);
  request.alive = texts_argument(fcinfo, alive_argument, "a state of alive", &request.nalive);
  request.time_zone = text_or_null(fcinfo, time_zone_argument);
  check_time_zone(request.time_zone);
  request.mode = text_or_null(fcinfo, mode_argument);
  request.insert = text_or_null(fcinfo, insert_argument);
  request.removal = text_or_null(fcinfo, delete_argument);
  request.rate_limit = text_or_null(fcinfo, rate_limit_argument);
  request.audit = !PG_ARGISNULL(audit_argument) && PG_GETARG_BOOL(audit_argument);
  return check_guard_request(CurrentMemoryContext, request);
}

const GuardTerms *current_terms(Relation relation) {
  const Trigger *trigger = find_trigger(relation, TriggerKind::guard);
  return trigger == nullptr ? nullptr : parse_guard_trigger(CurrentMemoryContext, relation, trigger);
}

// A statement that is under way keeps the triggers that it has started with. If it updates rows that are counted
// for, their counters would wait for the judgement of a guard that it does not have.
void check_idle(Relation relation) {
  if (relation->rd_refcnt == 1 || find_trigger(relation, TriggerKind::parent) == nullptr) return;
  ereport(
      ERROR, errcode(ERRCODE_OBJECT_IN_USE),
      errmsg("cannot guard relation \"%s\" while a query of this session uses it", RelationGetRelationName(relation)),
      errtable(relation));
}

void check_stronger(Relation relation, const GuardTerms *before, const GuardTerms *after) {
  const char *difference = weakened(CurrentMemoryContext, before, after);
  if (difference == nullptr) return;
  ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
          errmsg("guard would weaken the contract of relation \"%s\"", RelationGetRelationName(relation)),
          errdetail_internal("%s.", difference), errhint("Call it with replace => true to do so."), errtable(relation));
}

// Whether the trigger is there and enabled; where it is not wanted, whether there is none.
bool is_as_wanted(const Trigger *trigger, bool wanted) {
  return wanted ? trigger != nullptr && fires_ordinarily(*trigger) : trigger == nullptr;
}

// Whether every trigger of the contract is there and enabled, on partitions too.
bool is_whole(Relation relation, const GuardTerms *terms) {
  bool whole = true;
  for (const Oid oid : each_oid(find_all_inheritors(RelationGetRelid(relation), AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    whole = whole && is_as_wanted(find_trigger(member, TriggerKind::guard), true) &&
            is_as_wanted(find_trigger(member, TriggerKind::born), terms->insert_reject) &&
            is_as_wanted(find_trigger(member, TriggerKind::deletion), terms->delete_reject) &&
            is_as_wanted(find_trigger(member, TriggerKind::truncation),
                         terms->delete_reject && refuses_truncate(member, RelationGetRelid(relation)));
    table_close(member, NoLock);
  }
  return whole;
}

// The verbs find a row by a unique key. Whoever only means to guard against UPDATEs does without, so it is no error.
void notice_keyless(Relation relation) {
  for (const Oid oid : each_oid(RelationGetIndexList(relation))) {
    Relation index = index_open(oid, AccessShareLock);
    const bool found = identifies(index);
    index_close(index, AccessShareLock);
    if (found) return;
  }
  ereport(NOTICE, errcode(sqlstate_no_key),
          errmsg("relation \"%s\" has no key by which ratchet.submit() and its like could find a row",
                 RelationGetRelationName(relation)),
          errdetail("UPDATE statements are guarded all the same."),
          errhint("ALTER TABLE %s ADD PRIMARY KEY (...).", qualified_relation(RelationGetRelid(relation))),
          errtable(relation));
}

const char *guard(FunctionCallInfo fcinfo) {
  if (PG_ARGISNULL(target_argument)) error_null_argument("target");
  const Oid relid = PG_GETARG_OID(target_argument);
  const bool replace = !PG_ARGISNULL(replace_argument) && PG_GETARG_BOOL(replace_argument);
  Relation relation = open_owned(relid, AccessShareLock, "guard it");
  check_target(relation, "guard");
  const GuardTerms *wanted = read_terms(fcinfo);
  check_columns(relation, wanted, ERRCODE_INVALID_PARAMETER_VALUE);
  check_not_counted(relation, wanted->guarded, wanted->nguarded);
  if (wanted->rate_text != nullptr) require_rate_memory(relation, ERRCODE_FEATURE_NOT_SUPPORTED);
  if (wanted->audit) check_auditable(relid);
  const GuardTerms *current = current_terms(relation);
  // A migration that runs again must not queue behind, or in front of, the table's writers.
  const bool settled = current != nullptr && same_terms(current, wanted) && is_whole(relation, wanted) &&
                       (!wanted->audit || is_audit_settled(relid));
  relation_close(relation, NoLock);
  if (settled) return "unchanged";
  // Without the lock that would stop writers, unless rows must not come in between.
  const bool validate = !PG_ARGISNULL(validate_argument) && PG_GETARG_BOOL(validate_argument);
  if (!validate) report_rows(relid, wanted, false);

  // From here on nobody else can change the table's triggers or columns; look again.
  relation = open_owned(relid, ShareRowExclusiveLock, "guard it");
  check_target(relation, "guard");
  check_columns(relation, wanted, ERRCODE_INVALID_PARAMETER_VALUE);
  check_not_counted(relation, wanted->guarded, wanted->nguarded);
  check_shapes(relation);
  check_structure(relation);
  current = current_terms(relation);
  if (current == nullptr) check_idle(relation);
  const char *outcome = "created";
  if (current != nullptr) {
    outcome = same_terms(current, wanted)                                  ? "repaired"
              : weakened(CurrentMemoryContext, current, wanted) == nullptr ? "extended"
                                                                           : "replaced";
    if (!replace) check_stronger(relation, current, wanted);
  }
  for (const char *column : {wanted->gate, wanted->gate_at}) notice_time_zone(relation, column, wanted->time_zone);
  if (current == nullptr) notice_keyless(relation);
  relation_close(relation, NoLock);
  if (validate) report_rows(relid, wanted, true);
  // First: what is attempted must find its table.
  if (wanted->audit) settle_attempts_table(relid);
  write_contract(relid, wanted, Switches::enable);
  return outcome;
}

// Drops the relation's trigger of this kind, if there is one.
List *drop(List *commands, Relation relation, TriggerKind kind) {
  const Trigger *trigger = find_trigger(relation, kind);
  if (trigger == nullptr) return commands;
  return lappend(commands, psprintf("DROP TRIGGER %s ON %s", quote_identifier(trigger->tgname),
                                    qualified_relation(RelationGetRelid(relation))));
}

//   CREATE OR REPLACE TRIGGER "~ratchet_guard_truncate" BEFORE TRUNCATE ON schema.table
//   FOR EACH STATEMENT EXECUTE FUNCTION ratchet.guard_truncate()
// suffix: of its name, on a shard.
List *create_truncate(List *commands, Oid relid, const char *suffix = "") {
  return lappend(commands, psprintf("CREATE OR REPLACE TRIGGER %s BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE "
                                    "FUNCTION ratchet.guard_truncate()",
                                    quote_identifier(psprintf("%s%s", guard_truncate_trigger_name, suffix)),
                                    qualified_relation(relid)));
}

// TRUNCATE triggers of a table and its partitions, which are not cloned.
List *settle_truncates(List *commands, Oid root, bool wanted) {
  for (const Oid oid : each_oid(find_all_inheritors(root, AccessShareLock, nullptr))) {
    Relation member = table_open(oid, NoLock);
    commands = wanted && refuses_truncate(member, root) ? create_truncate(commands, oid)
                                                        : drop(commands, member, TriggerKind::truncation);
    table_close(member, NoLock);
  }
  return commands;
}

bool unguard(Oid relid) {
  Relation relation = open_owned(relid, AccessExclusiveLock, "unguard it");
  List *commands = NIL;
  for (const TriggerKind kind : {TriggerKind::guard, TriggerKind::born, TriggerKind::deletion})
    commands = drop(commands, relation, kind);
  commands = settle_truncates(commands, relid, false);
  relation_close(relation, NoLock);
  run_all(commands);
  return commands != NIL;
}

}  // namespace

//   CREATE OR REPLACE TRIGGER "~ratchet_guard" BEFORE UPDATE ON schema.table
//   FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row('gate=submitted_at', ...)
//   CREATE OR REPLACE TRIGGER "~ratchet_guard_insert" AFTER INSERT ON schema.table
//   FOR EACH ROW WHEN (ratchet.born_closed(NEW.*)) EXECUTE FUNCTION ratchet.guard_insert()
//   CREATE OR REPLACE TRIGGER "~ratchet_guard_delete" BEFORE DELETE ON schema.table
//   FOR EACH ROW EXECUTE FUNCTION ratchet.guard_delete()
void write_contract(Oid relid, const GuardTerms *terms, Switches switches) {
  List *switched = switched_triggers(
      relid, switches, {TriggerKind::guard, TriggerKind::born, TriggerKind::deletion, TriggerKind::truncation});
  const char *name = qualified_relation(relid);
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql,
                   "CREATE OR REPLACE TRIGGER %s BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION ratchet.guard_row(",
                   quote_identifier(guard_trigger_name), name);
  for (int i = 0; i < terms->narguments; ++i)
    appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", quote_literal_cstr(terms->arguments[i]));
  appendStringInfoChar(&sql, ')');

  List *commands = list_make1(sql.data);
  Relation relation = table_open(relid, NoLock);
  if (terms->insert_reject)
    commands = lappend(commands, psprintf("CREATE OR REPLACE TRIGGER %s AFTER INSERT ON %s FOR EACH ROW "
                                          "WHEN (ratchet.born_closed(NEW.*)) EXECUTE FUNCTION ratchet.guard_insert()",
                                          quote_identifier(insert_trigger_name), name));
  else
    commands = drop(commands, relation, TriggerKind::born);
  if (terms->delete_reject)
    commands = lappend(commands, psprintf("CREATE OR REPLACE TRIGGER %s BEFORE DELETE ON %s FOR EACH ROW EXECUTE "
                                          "FUNCTION ratchet.guard_delete()",
                                          quote_identifier(delete_trigger_name), name));
  else
    commands = drop(commands, relation, TriggerKind::deletion);
  commands = settle_truncates(commands, relid, terms->delete_reject);
  table_close(relation, NoLock);
  run_all(list_concat(commands, switched));
}

bool refuses_truncate(Relation member, Oid root) {
  return RelationGetRelid(member) == root || member->rd_rel->relkind != RELKIND_PARTITIONED_TABLE;
}

void follow_guarded_partition(Oid relid) {
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return;
  List *commands = NIL;
  // It has the other trigger, a clone, while it is a partition.
  const bool wanted = find_trigger(relation, TriggerKind::deletion) != nullptr;
  const bool has = find_trigger(relation, TriggerKind::truncation) != nullptr;
  if (relation->rd_rel->relkind == RELKIND_RELATION && wanted != has)
    commands = wanted ? create_truncate(commands, relid, find_shard_suffix(relation))
                      : drop(commands, relation, TriggerKind::truncation);
  relation_close(relation, AccessShareLock);
  if (commands != NIL) run_all(commands);
}

}  // namespace ratchet

RATCHET_FUNCTION(ratchet_guard) { ratchet::error_earlier_objects(); }

RATCHET_FUNCTION(ratchet_guard_0_2) {
  // A call that was planned before the update, and is executed after it.
  if (PG_NARGS() <= ratchet::validate_argument) ratchet::error_earlier_objects();
  PG_RETURN_TEXT_P(cstring_to_text(ratchet::guard(fcinfo)));
}

RATCHET_FUNCTION(ratchet_unguard) { PG_RETURN_BOOL(ratchet::unguard(PG_GETARG_OID(0))); }
