#include "pg/two_phase.h"

extern "C" {
#include "access/xact.h"
#include "nodes/parsenodes.h"
#include "tcop/utility.h"
}

#include "pg/fence.h"

namespace ratchet {

namespace {

ProcessUtility_hook_type next_utility_hook;
bool preparing;

bool prepares(const PlannedStmt *statement) {
  const Node *command = statement->utilityStmt;
  return IsA(command, TransactionStmt) &&
         reinterpret_cast<const TransactionStmt *>(command)->kind == TRANS_STMT_PREPARE;
}

void run_utility(PlannedStmt *statement, const char *query, bool read_only_tree, ProcessUtilityContext context,
                 ParamListInfo parameters, QueryEnvironment *environment, DestReceiver *receiver,
                 QueryCompletion *completion) {
  // The command only says how the transaction shall end; whatever comes of it, the end of the transaction forgets it. A
  // failed transaction has ended already, and the command only leaves it.
  if (prepares(statement) && !IsAbortedTransactionBlockState()) preparing = true;
  auto *next = next_utility_hook != nullptr ? next_utility_hook : standard_ProcessUtility;
  next(statement, query, read_only_tree, context, parameters, environment, receiver, completion);
}

}  // namespace

void init_two_phase() {
  next_utility_hook = ProcessUtility_hook;
  ProcessUtility_hook = fenced<run_utility>;
}

bool is_preparing() { return preparing; }

void forget_preparing() { preparing = false; }

}  // namespace ratchet
