#include "pg/row_value.h"

extern "C" {
#include "executor/executor.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/datum.h"
}

namespace ratchet {

Datum default_value(Relation relation, AttrNumber attnum, bool *isnull) {
  Node *expression = build_column_default(relation, attnum);
  *isnull = expression == nullptr;
  if (*isnull) return Datum(0);
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  EState *estate = CreateExecutorState();
  ExprState *state = ExecPrepareExpr(reinterpret_cast<Expr *>(expression), estate);
  Datum value = ExecEvalExprSwitchContext(state, GetPerTupleExprContext(estate), isnull);
  if (!*isnull) value = datumCopy(value, attribute->attbyval, attribute->attlen);
  FreeExecutorState(estate);
  return value;
}

bool has_volatile_default(Relation relation, AttrNumber attnum) {
  Node *expression = build_column_default(relation, attnum);
  return expression != nullptr && contain_volatile_functions(expression);
}

bool has_default_value(Relation relation, AttrNumber attnum, Datum value, bool isnull) {
  bool standard_null;
  const Datum standard = default_value(relation, attnum, &standard_null);
  const Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
  return same_image(standard, standard_null, value, isnull, attribute->attbyval, attribute->attlen);
}

bool same_image(Datum a, bool a_null, Datum b, bool b_null, bool typbyval, int16 typlen) {
  if (a_null || b_null) return a_null == b_null;
  if (typlen == -1 && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(a)) && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(b)) &&
      memcmp(DatumGetPointer(a), DatumGetPointer(b), VARSIZE_EXTERNAL(DatumGetPointer(a))) == 0)
    return true;  // the very same TOAST value: no need to fetch it
  return datum_image_eq(a, b, typbyval, typlen);
}

const char *text_of_value(Oid type, Datum value) {
  Oid output;
  bool varlena;
  getTypeOutputInfo(type, &output, &varlena);
  return OidOutputFunctionCall(output, value);
}

}  // namespace ratchet
