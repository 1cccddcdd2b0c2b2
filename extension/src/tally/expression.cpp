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

[[noreturn]] void refuse(Relation relation, int sqlstate, const char *text, const char *why) {
  ereport(ERROR, errcode(sqlstate),
          errmsg("\"%s\" cannot be counted for relation \"%s\"", text, RelationGetRelationName(relation)),
          errdetail_internal("%s", why),
          errhint("Write a condition over the columns of the table, \"true\" for every row, or sum(expression)."),
          errtable(relation));
  pg_unreachable();
}

// Nothing but one expression: no FROM, no second column.
Node *raw_expression(Relation relation, const char *text, int sqlstate) {
  List *statements = raw_parser(psprintf("SELECT (%s)", text), RAW_PARSE_DEFAULT);
  const auto *statement =
      list_length(statements) == 1 ? reinterpret_cast<SelectStmt *>(linitial_node(RawStmt, statements)->stmt) : nullptr;
  if (statement == nullptr || !IsA(statement, SelectStmt) || list_length(statement->targetList) != 1 ||
      statement->distinctClause != NIL || statement->intoClause != nullptr || statement->fromClause != NIL ||
      statement->whereClause != nullptr || statement->groupClause != NIL || statement->havingClause != nullptr ||
      statement->windowClause != NIL || statement->valuesLists != NIL || statement->sortClause != NIL ||
      statement->limitOffset != nullptr || statement->limitCount != nullptr || statement->lockingClause != NIL ||
      statement->withClause != nullptr || statement->op != SETOP_NONE)
    refuse(relation, sqlstate, text, "It is not an expression.");
  return linitial_node(ResTarget, statement->targetList)->val;
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

void check_columns_used(Relation relation, const char *text, Node *expression, int sqlstate) {
  Bitmapset *used = nullptr;
  pull_varattnos(expression, 1, &used);
  for (int place = -1; (place = bms_next_member(used, place)) >= 0;)
    if (place + FirstLowInvalidHeapAttributeNumber <= 0)
      refuse(relation, sqlstate, text, "It uses a whole row or a system column.");
}

// What an error in an expression belongs to.
struct Named {
  Relation relation;
  const char *text;
};

void name_expression(void *argument) {
  const auto *named = static_cast<const Named *>(argument);
  errcontext("counting \"%s\" in a tally of relation \"%s\"", named->text, RelationGetRelationName(named->relation));
}

// names: of the columns, to read a text with; NIL: as they are.
ParseState *parse_state(Relation relation, List *names) {
  ParseState *state = make_parsestate(nullptr);
  Alias *alias = names == NIL ? nullptr : makeAlias(RelationGetRelationName(relation), names);
  ParseNamespaceItem *item = addRangeTableEntryForRelation(state, relation, AccessShareLock, alias, false, true);
  addNSItemToQuery(state, item, true, true, true);
  return state;
}

Node *transform(Relation relation, const char *text, Node *raw, bool sum, int sqlstate) {
  ParseState *state = parse_state(relation, NIL);
  Node *expression = transformExpr(state, raw, EXPR_KIND_TRIGGER_WHEN);
  if (!sum) expression = coerce_to_boolean(state, expression, "a counter's condition");
  assign_expr_collations(state, expression);
  const Oid type = exprType(expression);
  if (sum && !is_summable(getBaseType(type)))
    refuse(relation, sqlstate, text, "Only smallint, integer, bigint and numeric can be summed.");
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

}  // namespace

const char *canonical_expression(Relation child, const char *text, bool *sum) {
  const char *zone = pstrdup(GetConfigOption("timezone", false, false));
  return with_pinned_path(child, [&] {
    Node *raw = raw_expression(child, text, ERRCODE_INVALID_PARAMETER_VALUE);
    Node *argument = sum_argument(raw);
    *sum = argument != nullptr;
    // A time without a zone is meant in the caller's.
    const int reading = NewGUCNestLevel();
    set_local("timezone", zone);
    Node *expression = transform(child, text, *sum ? argument : raw, *sum, ERRCODE_INVALID_PARAMETER_VALUE);
    AtEOXact_GUC(true, reading);
    const char *canonical = deparse(child, expression);
    // Also of those that planning would inline: what is inside may change.
    if (contain_mutable_functions(expression))
      refuse(child, ERRCODE_INVALID_PARAMETER_VALUE, canonical,
             "Its functions must be IMMUTABLE: the count would change without a write.");
    parse_expression(child, canonical, *sum, ERRCODE_INVALID_PARAMETER_VALUE);
    return canonical;
  });
}

Expr *parse_expression(Relation relation, const char *text, bool sum, int sqlstate) {
  Named named{relation, text};
  ErrorContextCallback callback{error_context_stack, fenced<name_expression>, &named};
  error_context_stack = &callback;
  Expr *expression = with_pinned_path(relation, [&] {
    Node *expression = transform(relation, text, raw_expression(relation, text, sqlstate), sum, sqlstate);
    check_columns_used(relation, text, expression, sqlstate);
    Expr *planned = expression_planner(reinterpret_cast<Expr *>(expression));
    if (contain_mutable_functions(reinterpret_cast<Node *>(planned)))
      refuse(relation, sqlstate, text, "Its functions must be IMMUTABLE: the count would change without a write.");
    return planned;
  });
  error_context_stack = callback.previous;
  return expression;
}

Node *parse_condition(Relation relation, const char *text) {
  return with_pinned_path(relation, [&] {
    ParseState *state = parse_state(relation, NIL);
    Node *expression =
        transformExpr(state, raw_expression(relation, text, sqlstate_unenforceable), EXPR_KIND_TRIGGER_WHEN);
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
    Node *raw = raw_expression(relation, text, sqlstate_unenforceable);
    // Boolean or not: it was checked when it was declared, and a rename changes no type.
    ParseState *state = parse_state(relation, names);
    Node *expression = transformExpr(state, raw, EXPR_KIND_TRIGGER_WHEN);
    assign_expr_collations(state, expression);
    free_parsestate(state);
    return deparse(relation, expression);
  });
}

}  // namespace ratchet
