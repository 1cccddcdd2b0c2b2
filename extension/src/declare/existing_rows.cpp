#include "pg/pg.h"

extern "C" {
#include "executor/spi.h"
#include "utils/snapmgr.h"
}

#include "contract/errors.h"
#include "declare/existing_rows.h"
#include "guard/guard_contract.h"
#include "pg/primary_key_text.h"
#include "pg/quote.h"
#include "pg/user_context.h"

namespace ratchet {

namespace {

struct Found {
  uint64 rows;
  const char *keys;  // the first ones; nullptr: there is no key
};

//   SELECT count(*), string_agg(k, ', ' ORDER BY n) FILTER (WHERE n <= 3)
//   FROM (SELECT <key> AS k, row_number() OVER (ORDER BY <key>) AS n FROM schema.table t WHERE <condition>) b
Found find_rows(Relation relation, const char *condition) {
  const char *sql = psprintf(
      "SELECT pg_catalog.count(*), pg_catalog.string_agg(k, ', ' ORDER BY n) FILTER (WHERE n OPERATOR(pg_catalog.<=) 3)"
      " FROM (SELECT %s AS k, pg_catalog.row_number() OVER (ORDER BY %s) AS n FROM %s t WHERE %s) b",
      key_text(relation, "t"), key_order(relation, "t"), qualified_relation(RelationGetRelid(relation)), condition);
  MemoryContext caller = CurrentMemoryContext;
  SPI_connect();
  if (SPI_execute(sql, true, 0) != SPI_OK_SELECT || SPI_processed != 1) elog(ERROR, "looking for rows failed");
  bool isnull;
  Found found{
      static_cast<uint64>(DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull))),
      nullptr};
  if (const char *keys = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2))
    found.keys = MemoryContextStrdup(caller, keys);
  SPI_finish();
  return found;
}

void report(Relation relation, const char *column, const char *condition, const char *what, bool refuse) {
  const Found found = find_rows(relation, condition);
  if (found.rows == 0) return;
  const auto rows = static_cast<unsigned long>(found.rows);
  ereport(refuse ? ERROR : NOTICE, errcode(refuse ? ERRCODE_CHECK_VIOLATION : sqlstate_rows_broken),
          errmsg_plural("%lu row of relation \"%s\" violates the contract: %s",
                        "%lu rows of relation \"%s\" violate the contract: %s", rows, rows,
                        RelationGetRelationName(relation), what),
          found.keys == nullptr ? 0
          : found.rows > 3      ? errdetail("The first keys are %s.", found.keys)
                                : errdetail("Their keys are %s.", found.keys),
          errtablecolname(relation, column));
}

void report_states(Relation relation, const GraphTerms &graph, bool refuse) {
  List *states = NIL;
  for (int i = 0; i < graph.nstates; ++i) states = lappend(states, const_cast<char *>(graph.states[i]));
  report(relation, graph.column, psprintf("NOT %s", is_among(relation, "t", graph.column, states)),
         psprintf("\"%s\" is none of its states", graph.column), refuse);
}

// A stale save that has reopened a row leaves what the submission has written beside its gate.
void report_reopened(Relation relation, const GuardTerms *terms, bool refuse) {
  const bool is_boolean = getBaseType(get_atttype(RelationGetRelid(relation),
                                                  get_attnum(RelationGetRelid(relation), terms->gate))) == BOOLOID;
  for (const char *column : {terms->gate_at, terms->actor, terms->idempotency_key}) {
    if (column == nullptr) continue;
    const AttrNumber attnum = get_attnum(RelationGetRelid(relation), column);
    // A default says nothing of a submission.
    if (TupleDescAttr(RelationGetDescr(relation), attnum - 1)->atthasdef) continue;
    report(relation, column,
           psprintf("t.%s IS %s AND t.%s IS NOT NULL", quote_identifier(terms->gate), is_boolean ? "NOT TRUE" : "NULL",
                    quote_identifier(column)),
           psprintf("\"%s\" is set and the gate is open", column), refuse);
  }
}

}  // namespace

void report_limits(Oid relid, const ParentTerms *kept, const ChildTerms *source) {
  CommandCounterIncrement();
  Relation relation = table_open(relid, AccessShareLock);
  const Oid owner = relation->rd_rel->relowner;
  const User caller = become(owner, SECURITY_NOFORCE_RLS | restriction_for(owner));
  PushActiveSnapshot(GetLatestSnapshot());
  for (int i = 0; i < kept->nlimits; ++i) {
    const LimitTerm &limit = kept->limits[i];
    if (!is_of(limit, source)) continue;
    for (const bool below : {false, true}) {
      const BoundTerm &bound = below ? limit.min : limit.max;
      if (!bound.given()) continue;
      report(relation, limit.counter,
             psprintf("t.%s OPERATOR(pg_catalog.%s) (%s)", quote_identifier(limit.counter), below ? "<" : ">",
                      bound.column != nullptr ? psprintf("t.%s", quote_identifier(bound.column)) : bound.number),
             psprintf("\"%s\" is %s its limit", limit.counter, below ? "below" : "above"), false);
    }
  }
  PopActiveSnapshot();
  restore(caller);
  table_close(relation, NoLock);
}

void report_rows(Oid relid, const GuardTerms *terms, bool refuse) {
  Relation relation = table_open(relid, AccessShareLock);
  // Types may bring code of their own. For anybody but the owner it must leave nothing behind.
  const Oid owner = relation->rd_rel->relowner;
  const User caller = become(owner, SECURITY_NOFORCE_RLS | restriction_for(owner));
  // Not the statement's: with `refuse` the table was locked after that was taken, and what came in between counts.
  PushActiveSnapshot(GetLatestSnapshot());
  for (int i = 0; i < terms->ngraphs; ++i) report_states(relation, terms->graphs[i], refuse);
  if (terms->gate != nullptr) report_reopened(relation, terms, refuse);
  if (terms->heartbeat != nullptr)
    report(relation, terms->heartbeat,
           psprintf("t.%s OPERATOR(pg_catalog.>) pg_catalog.now()::%s", quote_identifier(terms->heartbeat),
                    format_type_be_qualified(getBaseType(get_atttype(relid, get_attnum(relid, terms->heartbeat))))),
           psprintf("\"%s\" lies in the future", terms->heartbeat), refuse);
  PopActiveSnapshot();
  restore(caller);
  table_close(relation, NoLock);
}

}  // namespace ratchet
