#include "pg/pg.h"

extern "C" {
#include "access/sysattr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/ruleutils.h"
}

#include "contract/errors.h"
#include "pg/fence.h"
#include "pg/guc_nest.h"
#include "pg/user_context.h"
#include "tally/expression.h"

namespace ratchet {

namespace {

// What an expression is for.
enum class Use : unsigned char {
  count,  // a condition over a child's columns
  sum,    // what is summed
  when    // a condition over a parent's columns, which completes it
};

struct Wording {
  const char *refusal;
  const char *hint;
  const char *mutable_functions;
  const char *context;
};

constexpr Wording counted_wording = {
    "\"%s\" cannot be counted for relation \"%s\"",
    "Write a condition over the columns of the table, such as \"is_correct\", \"true\" to count every row, or "
    "sum(expression).",
    "Its functions must be IMMUTABLE: the count would change without a write.",
    "counting \"%s\" in a tally of relation \"%s\""};
constexpr Wording when_wording = {
    "\"%s\" cannot complete a row of relation \"%s\"", "Write a condition over the columns of the table itself.",
    "Its functions must be IMMUTABLE: it would turn true without a write.", "deciding \"%s\" of relation \"%s\""};

const Wording &wording_of(Use use) { return use == Use::when ? when_wording : counted_wording; }

[[noreturn]] void refuse(Relation relation, int sqlstate, Use use, const char *text, const char *why) {
  ereport(ERROR, errcode(sqlstate), errmsg(wording_of(use).refusal, text, RelationGetRelationName(relation)),
          errdetail_internal("%s", why), errhint("%s", wording_of(use).hint), errtable(relation));
  pg_unreachable();
}

// "*" or "t.*", which stands for columns.
bool is_star(const Node *raw) {
  return IsA(raw, ColumnRef) && IsA(llast(reinterpret_cast<const ColumnRef *>(raw)->fields), A_Star);
}

bool is_count(const Node *raw) {
  if (!IsA(raw, FuncCall)) return false;
  const List *name = reinterpret_cast<const FuncCall *>(raw)->funcname;
  return list_length(name) == 1 && strcmp(strVal(linitial(name)), "count") == 0;
}

// Nothing but one expression: no FROM, no second column.
Node *raw_expression(Relation relation, const char *text, Use use, int sqlstate) {
  List *statements = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
  const auto *statement =
      list_length(statements) == 1 ? reinterpret_cast<SelectStmt *>(linitial_node(RawStmt, statements)->stmt) : nullptr;
  if (statement == nullptr || !IsA(statement, SelectStmt) || list_length(statement->targetList) != 1 ||
      statement->distinctClause != NIL || statement->intoClause != nullptr || statement->fromClause != NIL ||
      statement->whereClause != nullptr || statement->groupClause != NIL || statement->havingClause != nullptr ||
      statement->windowClause != NIL || statement->valuesLists != NIL || statement->sortClause != NIL ||
      statement->limitOffset != nullptr || statement->limitCount != nullptr || statement->lockingClause != NIL ||
      statement->withClause != nullptr || statement->op != SETOP_NONE)
    refuse(relation, sqlstate, use, text, "It is not an expression.");
  const auto *target = linitial_node(ResTarget, statement->targetList);
  if (target->name != nullptr || is_star(target->val))
    refuse(relation, sqlstate, use, text, "It is not an expression.");
  if (use != Use::when && is_count(target->val))
    refuse(relation, sqlstate, use, text, "A counter says which rows are counted: rows for which it is true.");
  return target->val;
}

// The argument of sum(...); nullptr: it is no such call.
Node *sum_argument(Node *raw) {
  if (!IsA(raw, FuncCall)) return nullptr;
  const auto *call = reinterpret_cast<const FuncCall *>(raw);
  if (list_length(call->funcname) != 1 || strcmp(strVal(linitial(call->funcname)), "sum") != 0) return nullptr;
  if (list_length(call->args) != 1 || call->agg_order != NIL || call->agg_filter != nullptr || call->over != nullptr ||
      call->agg_distinct || call->agg_star || call->func_variadic)
    return nullptr;
  return static_cast<Node *>(linitial(call->args));
}

bool is_summable(Oid type) { return type == INT2OID || type == INT4OID || type == INT8OID || type == NUMERICOID; }

void check_columns_used(Relation relation, const char *text, Node *expression, Use use, int sqlstate) {
  Bitmapset *used = nullptr;
  pull_varattnos(expression, 1, &used);
  for (int place = -1; (place = bms_next_member(used, place)) >= 0;)
    if (place + FirstLowInvalidHeapAttributeNumber <= 0)
      refuse(relation, sqlstate, use, text, "It uses a whole row or a system column.");
}

// What an error in an expression belongs to.
struct Named {
  Relation relation;
  const char *text;
  Use use;
};

// A position that the parser tells is one in the text, not in the statement of the client.
void point_into(const char *text) {
  const int position = geterrposition();
  if (position <= 0) return;
  errposition(0);
  internalerrposition(position);
  internalerrquery(text);
}

void name_expression(void *argument) {
  const auto *named = static_cast<const Named *>(argument);
  point_into(named->text);
  errcontext(wording_of(named->use).context, named->text, RelationGetRelationName(named->relation));
}

// An expression that is being declared.
struct Declared {
  const char *column;  // that counts it, or that it completes
  const char *text;
  Use use;
};

void name_declared(void *argument) {
  const auto *declared = static_cast<const Declared *>(argument);
  point_into(declared->text);
  if (geterrcode() == ERRCODE_GROUPING_ERROR && declared->use != Use::when) errhint("%s", counted_wording.hint);
  errcontext(declared->use == Use::when ? "condition of completion \"%s\"" : "expression of counter \"%s\"",
             declared->column);
}

template <typename Body>
auto named_in_errors(ErrorContextCallback callback, Body &&body) {
  callback.previous = error_context_stack;
  error_context_stack = &callback;
  auto result = body();
  error_context_stack = callback.previous;
  return result;
}

// names: of the columns, to read a text with; NIL: as they are.
ParseState *parse_state(Relation relation, const char *text, List *names) {
  ParseState *state = make_parsestate(nullptr);
  state->p_sourcetext = text;
  Alias *alias = names == NIL ? nullptr : makeAlias(RelationGetRelationName(relation), names);
  ParseNamespaceItem *item = addRangeTableEntryForRelation(state, relation, AccessShareLock, alias, false, true);
  addNSItemToQuery(state, item, true, true, true);
  return state;
}

Node *transform(Relation relation, const char *text, Node *raw, Use use, int sqlstate) {
  const bool sum = use == Use::sum;
  ParseState *state = parse_state(relation, text, NIL);
  Node *expression = transformExpr(state, raw, EXPR_KIND_TRIGGER_WHEN);
  if (!sum)
    expression =
        coerce_to_boolean(state, expression, use == Use::when ? "a completion's condition" : "a counter's condition");
  assign_expr_collations(state, expression);
  const Oid type = exprType(expression);
  if (sum && !is_summable(getBaseType(type)))
    refuse(relation, sqlstate, use, text, "Only smallint, integer, bigint and numeric can be summed.");
  if (sum && getBaseType(type) != type)
    expression = coerce_to_target_type(state, expression, type, getBaseType(type), -1, COERCION_IMPLICIT,
                                       COERCE_IMPLICIT_CAST, -1);
  free_parsestate(state);
  return expression;
}

// Runs with search_path = pg_catalog, so that a text means the same for
// everybody; whatever else it names must be qualified.
//
// And as the owner of the table, in a security-restricted operation: a writer
// needs no right to look up what the owner has named, and planning may call
// the owner's functions, on behalf of whoever builds the contract.
template <typename Body>
auto with_pinned_path(Relation relation, Body &&body) {
  // An error leaves user and setting to the (sub)transaction's abort, which restores them.
  const int level = NewGUCNestLevel();
  pin_text_settings();
  const User caller = become(relation->rd_rel->relowner, SECURITY_RESTRICTED_OPERATION);
  auto result = body();
  restore(caller);
  AtEOXact_GUC(true, level);
  return result;
}

const char *deparse(Relation relation, Node *expression) {
  return deparse_expression(
      expression, deparse_context_for(RelationGetRelationName(relation), RelationGetRelid(relation)), false, false);
}

// Parsed by column name, checked and planned.
Expr *parse(Relation relation, const char *text, Use use, int sqlstate) {
  Named named{relation, text, use};
  return named_in_errors({nullptr, fenced<name_expression>, &named}, [&] {
    return with_pinned_path(relation, [&] {
      Node *expression = transform(relation, text, raw_expression(relation, text, use, sqlstate), use, sqlstate);
      check_columns_used(relation, text, expression, use, sqlstate);
      Expr *planned = expression_planner(reinterpret_cast<Expr *>(expression));
      if (contain_mutable_functions(reinterpret_cast<Node *>(planned)))
        refuse(relation, sqlstate, use, text, wording_of(use).mutable_functions);
      return planned;
    });
  });
}

// Deparsed. use: as what it is meant; of Use::count it becomes Use::sum where that is what the text says.
const char *canonical(Relation relation, const char *text, Use *use) {
  constexpr int sqlstate = ERRCODE_INVALID_PARAMETER_VALUE;
  const char *zone = pstrdup(GetConfigOption("timezone", false, false));
  return with_pinned_path(relation, [&] {
    Node *raw = raw_expression(relation, text, *use, sqlstate);
    if (Node *argument = *use == Use::count ? sum_argument(raw) : nullptr) {
      raw = argument;
      *use = Use::sum;
    }
    // A time without a zone is meant in the caller's.
    const int reading = NewGUCNestLevel();
    set_local("timezone", zone);
    Node *expression = transform(relation, text, raw, *use, sqlstate);
    AtEOXact_GUC(true, reading);
    const char *canonical = deparse(relation, expression);
    // Also of those that planning would inline: what is inside may change.
    if (contain_mutable_functions(expression))
      refuse(relation, sqlstate, *use, canonical, wording_of(*use).mutable_functions);
    parse(relation, canonical, *use, sqlstate);
    return canonical;
  });
}

}  // namespace

const char *canonical_expression(Relation child, const char *counter, const char *text, bool *sum) {
  Use use = Use::count;
  Declared declared{counter, text, use};
  const char *expression =
      named_in_errors({nullptr, fenced<name_declared>, &declared}, [&] { return canonical(child, text, &use); });
  *sum = use == Use::sum;
  return expression;
}

const char *canonical_condition(Relation parent, const char *completion, const char *text) {
  Use use = Use::when;
  Declared declared{completion, text, use};
  return named_in_errors({nullptr, fenced<name_declared>, &declared}, [&] { return canonical(parent, text, &use); });
}

Expr *parse_expression(Relation relation, const char *text, bool sum, int sqlstate) {
  return parse(relation, text, sum ? Use::sum : Use::count, sqlstate);
}

Expr *parse_when(Relation parent, const char *text, int sqlstate) { return parse(parent, text, Use::when, sqlstate); }

Node *parse_condition(Relation relation, const char *text) {
  return with_pinned_path(relation, [&] {
    ParseState *state = parse_state(relation, nullptr, NIL);
    Node *expression = transformExpr(state, raw_expression(relation, text, Use::count, sqlstate_unenforceable),
                                     EXPR_KIND_TRIGGER_WHEN);
    assign_expr_collations(state, expression);
    free_parsestate(state);
    return expression;
  });
}

const char *renamed_expression(Relation relation, const char *text, const char *from, const char *to) {
  const TupleDesc tupdesc = RelationGetDescr(relation);
  List *names = NIL;
  for (int i = 0; i < tupdesc->natts; ++i) {
    const Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
    if (attribute->attisdropped) continue;  // the parser leaves room for them by itself
    const char *name = NameStr(attribute->attname);
    names = lappend(names, makeString(pstrdup(strcmp(name, to) == 0 ? from : name)));
  }
  return with_pinned_path(relation, [&] {
    Node *raw = raw_expression(relation, text, Use::count, sqlstate_unenforceable);
    // Boolean or not: it was checked when it was declared, and a rename changes no type.
    ParseState *state = parse_state(relation, nullptr, names);
    Node *expression = transformExpr(state, raw, EXPR_KIND_TRIGGER_WHEN);
    assign_expr_collations(state, expression);
    free_parsestate(state);
    return deparse(relation, expression);
  });
}

}  // namespace ratchet
