#include "pg/pg.h"

extern "C" {
#include "catalog/pg_operator.h"
#include "utils/fmgrprotos.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/typcache.h"
}

#include "pg/guc_nest.h"
#include "pg/quote.h"

namespace ratchet {

const char *qualified_relation(Oid relation) {
  const char *name = get_rel_name(relation);
  // Who only reads catalogs may be late.
  if (name == nullptr)
    ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", relation));
  return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), name);
}

const char *qualified_operator(Oid op) {
  HeapTuple tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(op));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for operator %u", op);
  const auto form = reinterpret_cast<Form_pg_operator>(GETSTRUCT(tuple));
  // Operator names consist of operator characters only and are never quoted.
  const char *text =
      psprintf("OPERATOR(%s.%s)", quote_identifier(get_namespace_name(form->oprnamespace)), NameStr(form->oprname));
  ReleaseSysCache(tuple);
  return text;
}

Oid equality_operator(Oid type) { return lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr; }

const char *qualified_type(Oid type) {
  return format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

const char *function_signature(Oid function) {
  const int level = NewGUCNestLevel();
  pin_text_settings();
  const char *signature = format_procedure_qualified(function);
  AtEOXact_GUC(true, level);
  return signature;
}

Oid find_function(const char *signature) {
  // It answers NULL, which DirectFunctionCall1() takes for an error.
  LOCAL_FCINFO(call, 1);
  InitFunctionCallInfoData(*call, nullptr, 1, InvalidOid, nullptr, nullptr);
  call->args[0].value = CStringGetTextDatum(signature);
  call->args[0].isnull = false;
  const Datum found = to_regprocedure(call);
  return call->isnull ? InvalidOid : DatumGetObjectId(found);
}

}  // namespace ratchet
