#include "pg/pg.h"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_type.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
}

#include "contract/resolved_contract.h"
#include "contract/stored_trigger.h"
#include "pg/compat.h"
#include "pg/fence.h"
#include "pg/user_context.h"

namespace ratchet {

namespace {

Node *parse(const char *text) {
  List *statements = raw_parser(psprintf("SELECT (%s)", text), RAW_PARSE_DEFAULT);
  const auto *statement = reinterpret_cast<const SelectStmt *>(linitial_node(RawStmt, statements)->stmt);
  return linitial_node(ResTarget, statement->targetList)->val;
}

bool is_plain(Oid type) {
  if (const Oid element = get_element_type(type); OidIsValid(element))
    type = element;
  else
    type = getBaseType(type);
  const char kind = get_typtype(type);
  return kind == TYPTYPE_BASE || kind == TYPTYPE_ENUM;
}

bool has_other_literal(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, TypeCast)) {
    const auto *cast = reinterpret_cast<const TypeCast *>(node);
    const Oid type = IsA(cast->arg, A_Const) ? LookupTypeNameOid(nullptr, cast->typeName, true) : InvalidOid;
    if (OidIsValid(type) && !is_plain(type)) return true;
  }
  return walk_raw_expression(node, fenced<has_other_literal>, context);
}

Node *column_as_parameter(ParseState *state, ColumnRef *reference) {
  if (list_length(reference->fields) != 1 || !IsA(linitial(reference->fields), String)) return nullptr;
  const Oid relation = *static_cast<const Oid *>(state->p_ref_hook_state);
  HeapTuple tuple = SearchSysCacheAttName(relation, strVal(linitial(reference->fields)));
  if (!HeapTupleIsValid(tuple)) return nullptr;
  const auto attribute = reinterpret_cast<Form_pg_attribute>(GETSTRUCT(tuple));
  Param *parameter = makeNode(Param);
  parameter->paramkind = PARAM_EXTERN;
  parameter->paramid = attribute->attnum;
  parameter->paramtype = attribute->atttypid;
  parameter->paramtypmod = attribute->atttypmod;
  parameter->paramcollid = attribute->attcollation;
  parameter->location = -1;
  ReleaseSysCache(tuple);
  return reinterpret_cast<Node *>(parameter);
}

struct Sought {
  const char *column;
};

bool mentions(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, ColumnRef)) {
    auto *first = static_cast<Node *>(linitial(reinterpret_cast<const ColumnRef *>(node)->fields));
    return IsA(first, String) && strcmp(strVal(first), static_cast<const Sought *>(context)->column) == 0;
  }
  return walk_raw_expression(node, fenced<mentions>, context);
}

// Whether an expression calls a function that is such a one.
template <bool (*is_one)(Oid function, void *context)>
bool calls_any(Node *node, void *context) {
  if (node == nullptr) return false;
  if (check_functions_in_node(node, fenced<is_one>, context)) return true;
  return walk_expression(node, fenced<calls_any<is_one>>, context);
}

struct Execution {
  Oid owner;
  Oid forbidden;
};

bool is_forbidden(Oid function, void *context) {
  auto *execution = static_cast<Execution *>(context);
  if (may_execute(function, execution->owner)) return false;
  execution->forbidden = function;
  return true;
}

bool is_users(Oid function, void *) { return function >= FirstNormalObjectId; }

// The owner of a row of pg_proc or pg_type. Not whose rights somebody has: a superuser has those of everybody.
Oid find_owner(int cache, Oid object, AttrNumber attribute) {
  HeapTuple tuple = SearchSysCache1(cache, ObjectIdGetDatum(object));
  if (!HeapTupleIsValid(tuple)) return InvalidOid;
  bool isnull;
  const Oid owner = DatumGetObjectId(SysCacheGetAttr(cache, tuple, attribute, &isnull));
  ReleaseSysCache(tuple);
  return owner;
}

bool is_stranger(Oid role, const void *context) {
  return role != *static_cast<const Oid *>(context) && !(OidIsValid(role) && superuser_arg(role));
}

bool is_strangers(Oid function, void *context) {
  return function >= FirstNormalObjectId && is_stranger(find_owner(PROCOID, function, Anum_pg_proc_proowner), context);
}

// A domain's check is an expression of its owner's.
bool calls_strangers(Node *node, void *context) {
  if (node == nullptr) return false;
  if (IsA(node, CoerceToDomain) &&
      is_stranger(
          find_owner(TYPEOID, reinterpret_cast<const CoerceToDomain *>(node)->resulttype, Anum_pg_type_typowner),
          context))
    return true;
  if (check_functions_in_node(node, fenced<is_strangers>, context)) return true;
  return walk_expression(node, fenced<calls_strangers>, context);
}

bool is_sought(Oid function, void *context) { return function == *static_cast<const Oid *>(context); }

// The text after a quoted literal or name that begins here.
const char *skip_quoted(const char *text, char quote) {
  for (++text; *text != '\0'; ++text)
    if (*text == quote && *++text != quote) return text;
  return text;
}

// Parameters outside of quotes become the columns that they stand for.
const char *with_columns(Oid relation, const char *text) {
  StringInfoData out;
  initStringInfo(&out);
  while (*text != '\0') {
    if (*text == '\'' || *text == '"') {
      const char *after = skip_quoted(text, *text);
      appendBinaryStringInfo(&out, text, static_cast<int>(after - text));
      text = after;
    } else if (*text == '$') {
      char *after;
      const auto attnum = static_cast<AttrNumber>(strtol(text + 1, &after, 10));
      appendStringInfoString(&out, quote_identifier(get_attname(relation, attnum, false)));
      text = after;
    } else {
      appendStringInfoChar(&out, *text++);
    }
  }
  return out.data;
}

}  // namespace

Node *resolve_expression(Oid relation, const char *text) {
  // An error leaves user and settings to the (sub)transaction's abort, which restores them.
  const int level = NewGUCNestLevel();
  pin_text_settings();
  const User caller = become(find_owner_of_relation(relation), SECURITY_RESTRICTED_OPERATION);
  Node *raw = parse(text);
  Node *expression = nullptr;
  if (!has_other_literal(raw, nullptr)) {
    ParseState *state = make_parsestate(nullptr);
    state->p_pre_columnref_hook = fenced<column_as_parameter>;
    state->p_ref_hook_state = &relation;
    expression = transformExpr(state, raw, EXPR_KIND_TRIGGER_WHEN);
    assign_expr_collations(state, expression);
    free_parsestate(state);
  }
  restore(caller);
  AtEOXact_GUC(true, level);
  return expression;
}

const char *write_expression(Oid relation, Node *expression) {
  const int level = NewGUCNestLevel();
  pin_text_settings();
  const char *text = with_columns(relation, deparse_expression(expression, NIL, false, false));
  AtEOXact_GUC(true, level);
  return text;
}

bool names_column(const char *text, const char *column) {
  Sought sought{column};
  return mentions(parse(text), &sought);
}

bool calls(Node *expression, Oid function) { return calls_any<is_sought>(expression, &function); }

bool calls_users_function(Node *expression) { return calls_any<is_users>(expression, nullptr); }

bool calls_strangers_function(Node *expression, Oid owner) { return calls_strangers(expression, &owner); }

Oid forbidden_function(Node *expression, Oid owner) {
  Execution execution{owner, InvalidOid};
  calls_any<is_forbidden>(expression, &execution);
  return execution.forbidden;
}

}  // namespace ratchet
