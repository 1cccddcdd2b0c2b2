#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "executor/executor.h"
#include "tcop/dest.h"
#include "tcop/pquery.h"
#include "utils/datum.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
}

#include "contract/distributed.h"
#include "contract/errors.h"
#include "contract/statement.h"
#include "contract/structure.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"

namespace ratchet {

namespace {

// Every distinct set of columns is a statement; a caller that names arbitrary
// sets must not fill the backend's memory with plans.
constexpr int max_statements = 64;

List *retired_plans;  // SPIPlanPtr, in TopMemoryContext
int runs;             // how many runs of statements are under way, one underneath the other

template <typename Item>
Item *grown(Item *items, int capacity) {
  const Size size = sizeof(Item) * static_cast<Size>(capacity);
  return static_cast<Item *>(items == nullptr ? palloc(size) : repalloc(items, size));
}

// A DestReceiver that copies the first row.
struct RowReceiver {
  DestReceiver receiver;  // must be first
  Row *row;
  MemoryContext memory;
};

bool receive_row(TupleTableSlot *slot, DestReceiver *self) {
  auto *receiver = reinterpret_cast<RowReceiver *>(self);
  Row *row = receiver->row;
  if (row->found) return true;
  MemoryContext caller = MemoryContextSwitchTo(receiver->memory);
  const TupleDesc tupdesc = slot->tts_tupleDescriptor;
  row->found = true;
  row->count = tupdesc->natts;
  row->values = palloc_array<Datum>(tupdesc->natts);
  row->nulls = palloc_array<bool>(tupdesc->natts);
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Datum value = slot_getattr(slot, i + 1, &row->nulls[i]);
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    row->values[i] = row->nulls[i] ? value : datumCopy(value, attribute->attbyval, attribute->attlen);
  }
  MemoryContextSwitchTo(caller);
  return true;
}

void start_rows(DestReceiver *, int, TupleDesc) {}
void end_rows(DestReceiver *) {}

ParamListInfo bind(const Parameters &parameters) {
  ParamListInfo bound = makeParamList(parameters.count);
  for (int i = 0; i < parameters.count; ++i)
    bound->params[i] = {parameters.values[i], parameters.nulls[i], PARAM_FLAG_CONST, parameters.types[i]};
  return bound;
}

// submit()'s statement tests "gate open" and sets the gate itself, so where the
// guard judges alone it has nothing to decide: it is left out of this one run.
// That saves the row lock which the trigger manager takes first; the update
// itself then waits for writers and rechecks the WHERE clause on the newest
// version. With another BEFORE trigger, which could reopen the gate, and on
// partitions, whose rows may move, the guard stays.
void leave_guard_out(const QueryDesc *query, Permission *permission) {
  if (!IsA(query->planstate, ModifyTableState)) return;
  const auto *state = reinterpret_cast<const ModifyTableState *>(query->planstate);
  // A copy that belongs to this run, not the relcache's; what it has now counts, not what the contract was built from.
  TriggerDesc *triggers = state->mt_nrels == 1 ? state->resultRelInfo->ri_TrigDesc : nullptr;
  if (triggers == nullptr || count_before_update(triggers) != 1) return;
  triggers->trig_update_before_row = false;
  permission->judged = true;
}

// Executes one planned statement under the active snapshot; returns how many rows it processed.
uint64 execute(PlannedStmt *planned, const char *text, DestReceiver *receiver, ParamListInfo bound,
               Permission *permission) {
  QueryDesc *query = CreateQueryDesc(planned, text, GetActiveSnapshot(), InvalidSnapshot, receiver, bound, nullptr, 0);
  ExecutorStart(query, 0);
  if (permission != nullptr) permission->estate = query->estate;
  if (permission != nullptr && permission->omits_guard) leave_guard_out(query, permission);
  run_executor(query);
  ExecutorFinish(query);
  const uint64 processed = query->estate->es_processed;
  ExecutorEnd(query);
  if (permission != nullptr) permission->estate = nullptr;
  FreeQueryDesc(query);
  return processed;
}

uint64 execute_all(CachedPlanSource *source, CachedPlan *plan, DestReceiver *receiver, ParamListInfo bound,
                   Permission *permission) {
  uint64 processed = 0;
  // More than one only where a rule adds statements of its own; those have no permission and no result.
  ListCell *cell;
  foreach (cell, plan->stmt_list) {
    auto *planned = lfirst_node(PlannedStmt, cell);
    if (planned->commandType == CMD_UTILITY)
      ereport(ERROR, errcode(sqlstate_unenforceable), errmsg("a rule adds a utility command to the statement"),
              errhint("Use a trigger instead of the rule."));
    // As between the commands of any volatile function: see what was done so far.
    CommandCounterIncrement();
    UpdateActiveSnapshotCommandId();
    if (planned->canSetTag)
      processed = execute(planned, source->query_string, receiver, bound, permission);
    else
      execute(planned, source->query_string, None_Receiver, bound, nullptr);
  }
  CommandCounterIncrement();
  return processed;
}

// A schema can be renamed, and its old name given to another, without a lock
// on the table. The invalidation makes the next call write its SQL anew; a
// call that is under way must not touch the other table.
void check_relation(const CachedPlan *plan, Oid relation) {
  ListCell *cell;
  foreach (cell, plan->stmt_list)
    if (list_member_oid(lfirst_node(PlannedStmt, cell)->relationOids, relation)) return;
  foreach (cell, plan->stmt_list) check_planned_here(lfirst_node(PlannedStmt, cell), relation);
  ereport(ERROR, errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
          errmsg("could not run the statement: relation with OID %u was moved concurrently", relation));
}

// Drops one statement from its contract. While a run is under way its plan may be that run's, and has to stay;
// otherwise no plan outlives its statement, for one transaction may have any number of them.
void discard(Cached *owner, Statement *statement) {
  if (runs == 0)
    SPI_freeplan(statement->plan);
  else
    retire_statements(list_make1(statement));
  owner->statements = list_delete_ptr(owner->statements, statement);
  pfree(statement->signature.words);
  pfree(statement);
}

}  // namespace

void add_parameter(Parameters *parameters, Oid type, Datum value, bool isnull) {
  if (parameters->count == parameters->capacity) {
    parameters->capacity = parameters->capacity == 0 ? 8 : parameters->capacity * 2;
    parameters->types = grown(parameters->types, parameters->capacity);
    parameters->values = grown(parameters->values, parameters->capacity);
    parameters->nulls = grown(parameters->nulls, parameters->capacity);
  }
  const int i = parameters->count++;
  parameters->types[i] = type;
  parameters->values[i] = value;
  parameters->nulls[i] = isnull;
}

void add_parameters(Parameters *parameters, const Fields &fields) {
  for (const Field &field : fields) add_parameter(parameters, field.type, field.value, field.isnull);
}

void sign(Signature *signature, int16 word) {
  if (signature->length == signature->capacity) {
    signature->capacity = signature->capacity == 0 ? 16 : signature->capacity * 2;
    signature->words = grown(signature->words, signature->capacity);
  }
  signature->words[signature->length++] = word;
}

void sign(Signature *signature, Oid oid) {
  sign(signature, static_cast<int16>(oid >> 16));
  sign(signature, static_cast<int16>(oid & 0xFFFF));
}

void sign(Signature *signature, const Fields &fields) {
  sign(signature, static_cast<int16>(fields.count));
  for (const Field &field : fields) sign(signature, field.attnum);
}

void free_retired_plans() {
  ListCell *cell;
  foreach (cell, retired_plans) SPI_freeplan(static_cast<SPIPlanPtr>(lfirst(cell)));
  list_free(retired_plans);
  retired_plans = NIL;
}

void retire_statements(List *statements) {
  MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);
  ListCell *cell;
  foreach (cell, statements) retired_plans = lappend(retired_plans, static_cast<const Statement *>(lfirst(cell))->plan);
  MemoryContextSwitchTo(caller);
}

void forget_statements(const List *statements, Oid relation) {
  for (auto *statement : each<Statement>(statements)) {
    if (relation == InvalidOid || statement->child == relation) statement->valid = false;
  }
}

Statement *find_statement(Cached *owner, const Signature &signature) {
  for (auto *statement : each<Statement>(owner->statements)) {
    if (statement->signature.length != signature.length ||
        memcmp(statement->signature.words, signature.words, sizeof(int16) * signature.length) != 0)
      continue;
    if (statement->valid) return statement;
    discard(owner, statement);
    return nullptr;
  }
  return nullptr;
}

Statement *prepare_statement(Cached *owner, const Signature &signature, const char *sql, const Parameters &parameters,
                             Oid child) {
  const uint64 prepared_at = cache_generation();
  SPI_connect();
  SPIPlanPtr plan = SPI_prepare_cursor(sql, parameters.count, parameters.types, CURSOR_OPT_GENERIC_PLAN);
  if (plan == nullptr) elog(ERROR, "preparing a statement failed: %s", SPI_result_code_string(SPI_result));
  SPI_keepplan(plan);
  SPI_finish();

  if (list_length(owner->statements) >= max_statements)
    discard(owner, static_cast<Statement *>(linitial(owner->statements)));
  MemoryContext caller = MemoryContextSwitchTo(owner->context);
  auto *statement = palloc_object<Statement>();
  statement->signature = {signature.length, signature.length, palloc_array<int16>(signature.length)};
  memcpy(statement->signature.words, signature.words, sizeof(int16) * signature.length);
  statement->plan = plan;
  statement->child = child;
  // An invalidation that arrived meanwhile found nothing to mark: use it once.
  statement->valid = cache_generation() == prepared_at;
  owner->statements = lappend(owner->statements, statement);
  MemoryContextSwitchTo(caller);
  return statement;
}

Row run_statement(const Statement *statement, const Parameters &parameters, Oid relation, Permission *permission,
                  Snapshot snapshot) {
  Row row{};
  RowReceiver receiver{};
  receiver.receiver.receiveSlot = fenced<receive_row>;
  receiver.receiver.rStartup = fenced<start_rows>;
  receiver.receiver.rShutdown = fenced<end_rows>;
  receiver.receiver.rDestroy = fenced<end_rows>;
  receiver.receiver.mydest = DestNone;
  receiver.row = &row;
  receiver.memory = CurrentMemoryContext;

  auto *source = static_cast<CachedPlanSource *>(linitial(SPI_plan_get_plan_sources(statement->plan)));
  Permission *outer = current_permission;
  const int outer_runs = runs;
  // READ COMMITTED: what was committed up to now, so that a loser reads its winner.
  if (snapshot != nullptr)
    // A copy: the command is counted up in it, which the caller may have registered to go on reading in it.
    PushCopiedSnapshot(snapshot);
  else
    PushActiveSnapshot(GetTransactionSnapshot());
  CachedPlan *plan = GetCachedPlan(source, nullptr, CurrentResourceOwner, nullptr);
  PG_TRY();
  {
    current_permission = permission;
    runs = outer_runs + 1;
    if (OidIsValid(relation)) check_relation(plan, relation);
    row.processed = execute_all(source, plan, &receiver.receiver, bind(parameters), permission);
  }
  PG_FINALLY();
  {
    // An error unwinds plan, snapshot and executor through the resource owner; the frame is on our stack.
    current_permission = outer;
    runs = outer_runs;
  }
  PG_END_TRY();
  ReleaseCachedPlan(plan, CurrentResourceOwner);
  PopActiveSnapshot();
  return row;
}

void init_writer(SqlWriter *writer) {
  initStringInfo(&writer->sql);
  writer->parameters = 0;
}

}  // namespace ratchet
