#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "nodes/parsenodes.h"
#include "utils/fmgrprotos.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"
}

#include "contract/ddl_support.h"
#include "contract/errors.h"
#include "pg/fence.h"
#include "pg/foreign_key.h"
#include "pg/guc_nest.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/partition.h"
#include "pg/quote.h"
#include "pg/user_context.h"
#include "tally/condition.h"
#include "tally/deferral.h"
#include "tally/flush.h"
#include "tally/recount.h"
#include "tally/references.h"

namespace ratchet {

// An error leaves user and settings to the (sub)transaction's abort, which restores them.
static int pin_settings() {
  const int level = NewGUCNestLevel();
  pin_text_settings();
  set_local("row_security", "off");
  return level;
}

Scope enter(const Counters *counters) {
  const int level = pin_settings();
  // What the owner has written in conditions must not leave anything behind that runs as the caller.
  return {level, become(counters->owner, SECURITY_NOFORCE_RLS | SECURITY_RESTRICTED_OPERATION)};
}

void leave(const Scope &scope) {
  restore(scope.caller);
  AtEOXact_GUC(true, scope.level);
}

// The statement with this signature, parsed with the settings pinned; the plan
// remembers them. It runs with the session's own, because the parent's triggers are not ours.
static const Statement *settled_statement(const Subject &subject, const Signature &signature, const char *sql,
                                          const Parameters &parameters) {
  if (const Statement *known = find_statement(subject.counters, signature)) return known;
  const int level = pin_settings();
  const Statement *statement = prepare_statement(subject.counters, signature, sql, parameters, subject.child);
  AtEOXact_GUC(true, level);
  return statement;
}

Subject find_subject(Oid child, Oid parent, const ChildTerms *source) {
  Subject subject{};
  subject.child = child;
  subject.parent = parent;
  subject.source = source;
  Relation relation = table_open(child, AccessShareLock);
  List *found = find_references(relation, source, parent);
  if (found == NIL)
    error_unenforceable(relation, "the foreign key of the tally does not exist",
                        "Restore the foreign key, or remove the tally with ratchet.untally().");
  subject.reference = static_cast<const ForeignKeyCacheInfo *>(linitial(found));
  table_close(relation, NoLock);
  subject.counters = current_counters(parent, AccessShareLock);
  check_owner(find_topmost_ancestor(child), subject.counters);
  // What lies there would be counted twice.
  if (subject.counters->spill_fault != nullptr && OidIsValid(find_spill_table(subject.counters->root)))
    error_spill_table(subject.counters);
  const ParentTerms *kept = subject.counters->terms;
  for (int i = 0; i < kept->ncompletions; ++i)
    if (kept->completions[i].done != nullptr && is_of(kept->completions[i], source))
      subject.completions = lappend(subject.completions, const_cast<CompletionTerm *>(&kept->completions[i]));
  return subject;
}

const char *parent_column(const Subject &subject, int place) {
  return quote_identifier(get_attname(subject.parent, subject.reference->confkey[place], false));
}

static const char *child_column(const Subject &subject, int place) {
  return quote_identifier(get_attname(subject.child, subject.reference->conkey[place], false));
}

const char *counter_column(const Subject &subject, int place) {
  return quote_identifier(subject.source->counters[place].column);
}

//   (SELECT "run_id" AS k1, (<expression>) AS n1, ... FROM schema.child) c
// A query of its own, in which the expressions' names can only be the child's.
static void write_child(StringInfo sql, const Subject &subject) {
  appendStringInfoString(sql, "(SELECT ");
  for (int i = 0; i < subject.reference->nkeys; ++i)
    appendStringInfo(sql, "%s AS k%d, ", child_column(subject, i), i + 1);
  for (int i = 0; i < subject.source->ncounters; ++i)
    appendStringInfo(sql, "%s(%s) AS n%d", i > 0 ? ", " : "", subject.source->counters[i].expression, i + 1);
  appendStringInfo(sql, " FROM %s) c", qualified_relation(subject.child));
}

static Oid find_namespace_of_collation(Oid collation) {
  HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
  if (!HeapTupleIsValid(tuple)) elog(ERROR, "cache lookup failed for collation %u", collation);
  const Oid schema = reinterpret_cast<Form_pg_collation>(GETSTRUCT(tuple))->collnamespace;
  ReleaseSysCache(tuple);
  return schema;
}

// The foreign key's own comparison, as referential checks write it: with its
// operator, of its operator's types, in the referenced column's collation.
static void write_referenced(StringInfo sql, const Subject &subject, int place) {
  const ForeignKeyCacheInfo *key = subject.reference;
  Oid parent_type, child_type, collation, child_collation;
  int32 typmod;
  get_atttypetypmodcoll(subject.parent, key->confkey[place], &parent_type, &typmod, &collation);
  get_atttypetypmodcoll(subject.child, key->conkey[place], &child_type, &typmod, &child_collation);
  const char *left = psprintf("p.%s", parent_column(subject, place));
  if (OidIsValid(collation) && collation != child_collation)
    left = psprintf("(%s COLLATE %s)", left,
                    quote_qualified_identifier(get_namespace_name(find_namespace_of_collation(collation)),
                                               get_collation_name(collation)));
  generate_operator_clause(sql, left, parent_type, key->conpfeqop[place], psprintf("c.k%d", place + 1), child_type);
}

//   (SELECT p."id" AS k1, pg_catalog.count(*) FILTER (WHERE c.n1) AS m1, COALESCE(pg_catalog.sum(c.n2), 0) AS m2, ...
//    FROM schema.parent p LEFT JOIN <child> ON p."id" OPERATOR(pg_catalog.=) c.k1
//    [WHERE p."id" OPERATOR(pg_catalog.=) $1] GROUP BY p."id") m
static void write_counted_children(StringInfo sql, const Subject &subject, bool one_row) {
  appendStringInfoString(sql, "(SELECT ");
  for (int i = 0; i < subject.reference->nkeys; ++i)
    appendStringInfo(sql, "p.%s AS k%d, ", parent_column(subject, i), i + 1);
  for (int i = 0; i < subject.source->ncounters; ++i)
    appendStringInfo(sql,
                     subject.source->counters[i].sum ? "%sCOALESCE(pg_catalog.sum(c.n%d), 0) AS m%d"
                                                     : "%spg_catalog.count(*) FILTER (WHERE c.n%d) AS m%d",
                     i > 0 ? ", " : "", i + 1, i + 1);
  appendStringInfo(sql, " FROM %s p LEFT JOIN ", qualified_relation(subject.parent));
  write_child(sql, subject);
  for (int i = 0; i < subject.reference->nkeys; ++i) {
    appendStringInfoString(sql, i > 0 ? " AND " : " ON ");
    write_referenced(sql, subject, i);
  }
  for (int i = 0; one_row && i < subject.reference->nkeys; ++i)
    appendStringInfo(sql, "%s p.%s %s $%d", i > 0 ? " AND" : " WHERE", parent_column(subject, i),
                     qualified_operator(equality_operator(get_atttype(subject.parent, subject.reference->confkey[i]))),
                     i + 1);
  appendStringInfoString(sql, " GROUP BY ");
  for (int i = 0; i < subject.reference->nkeys; ++i)
    appendStringInfo(sql, "%sp.%s", i > 0 ? ", " : "", parent_column(subject, i));
  appendStringInfoString(sql, ") m");
}

//   (SELECT m.*, COALESCE(s.s1, 0) AS s1, ..., s.k1 IS NOT NULL AS spilled
//    FROM <counted> LEFT JOIN <spilled sums> s ON m.k1 OPERATOR(pg_catalog.=) s.k1 AND ...) m
// One statement, so one snapshot: a fold is seen in both of them or in neither.
void write_counted(StringInfo sql, const Subject &subject, bool one_row) {
  if (subject.counters->spill == nullptr) {
    write_counted_children(sql, subject, one_row);
    return;
  }
  const int nkeys = subject.reference->nkeys;
  auto **key = palloc_array<const char *>(nkeys);
  for (int i = 0; i < nkeys; ++i) key[i] = get_attname(subject.parent, subject.reference->confkey[i], false);
  auto **names = palloc_array<const char *>(subject.source->ncounters);
  for (int i = 0; i < subject.source->ncounters; ++i) names[i] = subject.source->counters[i].column;
  appendStringInfoString(sql, "(SELECT m.*");
  for (int i = 0; i < subject.source->ncounters; ++i)
    appendStringInfo(sql, ", COALESCE(s.s%d, 0) AS s%d", i + 1, i + 1);
  appendStringInfoString(sql, ", s.k1 IS NOT NULL AS spilled FROM ");
  write_counted_children(sql, subject, one_row);
  appendStringInfoString(sql, " LEFT JOIN ");
  write_spilled_sums(sql, subject.counters, key, nkeys, names, subject.source->ncounters, one_row);
  appendStringInfoString(sql, " s ON ");
  for (int i = 0; i < nkeys; ++i)
    appendStringInfo(sql, "%sm.k%d %s s.k%d", i > 0 ? " AND " : "", i + 1,
                     qualified_operator(equality_operator(get_atttype(subject.parent, subject.reference->confkey[i]))),
                     i + 1);
  appendStringInfoString(sql, ") m");
}

const char *counted_value(const Subject &subject, int place) {
  return psprintf(subject.counters->spill == nullptr ? "m.m%d" : "(m.m%d OPERATOR(pg_catalog.-) m.s%d)", place + 1,
                  place + 1);
}

const char *exact_value(const Subject &subject, int place) {
  const char *column = counter_column(subject, place);
  return subject.counters->spill == nullptr ? psprintf("t.%s", column)
                                            : psprintf("(t.%s OPERATOR(pg_catalog.+) m.s%d)", column, place + 1);
}

const char *unless_spilled(const Subject &subject) {
  return subject.counters->spill == nullptr ? "" : " AND NOT m.spilled";
}

//   t."id" OPERATOR(pg_catalog.=) m.k1 AND ...
void write_join(StringInfo sql, const Subject &subject) {
  for (int i = 0; i < subject.reference->nkeys; ++i)
    appendStringInfo(sql, "%st.%s %s m.k%d", i > 0 ? " AND " : "", parent_column(subject, i),
                     qualified_operator(equality_operator(get_atttype(subject.parent, subject.reference->confkey[i]))),
                     i + 1);
}

// The place of a column among the counters of this tally; -1: it is none of them.
static int counted_place(const Subject &subject, const char *column) {
  for (int i = 0; i < subject.source->ncounters; ++i)
    if (strcmp(subject.source->counters[i].column, column) == 0) return i;
  return -1;
}

// A column of the parent as it was counted, where this tally counts it.
static const char *counted_column(const Subject &subject, const char *column) {
  const int place = counted_place(subject, column);
  return place >= 0 ? psprintf("m.m%d", place + 1) : psprintf("t.%s", quote_identifier(column));
}

// The same with the column's type, by which functions and operators are found.
static const char *typed_column(const Subject &subject, const char *column) {
  const char *counted = counted_column(subject, column);
  if (counted_place(subject, column) < 0) return counted;
  Oid type, collation;
  int32 typmod;
  get_atttypetypmodcoll(subject.parent, get_attnum(subject.parent, column), &type, &typmod, &collation);
  return psprintf("%s::%s", counted,
                  format_type_extended(type, typmod, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
}

//   (SELECT <condition> FROM (SELECT t."total", m.m1::int4 AS "evaluated_count", ...) "runs")
// A query of its own, in which the condition's names can only be the parent's.
static const char *decided_by_condition(const Subject &subject, const CompletionTerm &completion) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "(SELECT %s FROM (SELECT ", completion.when);
  const Counters *counters = subject.counters;
  for (int i = 0; i < counters->ncompletions; ++i) {
    if (counters->completions[i].terms != &completion) continue;
    require_condition(counters, counters->completions[i]);
    const char *separator = "";
    for (int place = -1; (place = bms_next_member(counters->completions[i].reads, place)) >= 0; separator = ", ") {
      const auto attnum = static_cast<AttrNumber>(place + FirstLowInvalidHeapAttributeNumber);
      const char *name = get_attname(subject.parent, attnum, false);
      appendStringInfo(&sql, "%s%s AS %s", separator, typed_column(subject, name), quote_identifier(name));
    }
  }
  appendStringInfo(&sql, ") %s)", quote_identifier(get_rel_name(subject.parent)));
  return sql.data;
}

//   t."total" > 0 AND m.m1 >= t."total"
static const char *decided_by_total(const Subject &subject, const CompletionTerm &completion) {
  const char *total = counted_column(subject, completion.total);
  const char *count = counted_column(subject, completion.total_of);
  return psprintf("%s > 0 AND %s >= %s", total, count, total);
}

// Whether the row is complete by what was counted.
const char *decided(const Subject &subject, const CompletionTerm &completion) {
  const char *condition =
      completion.when != nullptr ? decided_by_condition(subject, completion) : decided_by_total(subject, completion);
  return psprintf("(COALESCE(%s, false)%s)", condition,
                  completion.latch ? psprintf(" OR t.%s IS TRUE", quote_identifier(completion.done)) : "");
}

namespace {

// Whether anything of the tally differs from what was counted.
void write_differs(StringInfo sql, const Subject &subject) {
  appendStringInfoChar(sql, '(');
  for (int i = 0; i < subject.source->ncounters; ++i)
    appendStringInfo(sql, "%st.%s IS DISTINCT FROM %s", i > 0 ? " OR " : "", counter_column(subject, i),
                     counted_value(subject, i));
  for (const auto *completion : each<const CompletionTerm>(subject.completions))
    appendStringInfo(sql, " OR (t.%s IS DISTINCT FROM %s%s)", quote_identifier(completion->done),
                     decided(subject, *completion), unless_spilled(subject));
  appendStringInfoChar(sql, ')');
}

//   UPDATE schema.parent t SET "evaluated_count" = m.m1, ... FROM <counted> WHERE <join> AND <differs>
const char *recount_sql(const Subject &subject, bool one_row) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "UPDATE %s t SET ", qualified_relation(subject.parent));
  for (int i = 0; i < subject.source->ncounters; ++i)
    appendStringInfo(&sql, "%s%s = %s", i > 0 ? ", " : "", counter_column(subject, i), counted_value(subject, i));
  appendStringInfoString(&sql, " FROM ");
  write_counted(&sql, subject, one_row);
  appendStringInfoString(&sql, " WHERE ");
  write_join(&sql, subject);
  appendStringInfoString(&sql, " AND ");
  write_differs(&sql, subject);
  return sql.data;
}

// What tells the statements of one tally from those of another at the same parent.
Signature signature_of(const Subject &subject, StatementKind kind) {
  Signature signature{};
  sign(&signature, kind);
  sign(&signature, subject.reference->conoid);
  return signature;
}

// Runs an UPDATE that sets counters to what it has counted.
uint64 run_recount(const Subject &subject, const Signature &signature, const char *sql, const Parameters &parameters) {
  const Deferral deferral = start_deferral(subject.parent, subject.counters->owner);
  const Writing writing = start_writing(subject.counters->owner, subject.parent, deferral.flags);
  const Statement *statement = settled_statement(subject, signature, sql, parameters);
  Permission permission{};
  permission.verb = Verb::recount;
  const Row row = run_statement(statement, parameters, subject.parent, &permission);
  end_writing(writing);
  end_deferral(deferral);
  return row.processed;
}

//   SELECT true FROM schema.parent t JOIN <counted> ON <join> WHERE <differs>
bool differs(const Subject &subject, const Parameters &parameters) {
  StringInfoData sql;
  initStringInfo(&sql);
  appendStringInfo(&sql, "SELECT true FROM %s t JOIN ", qualified_relation(subject.parent));
  write_counted(&sql, subject, true);
  appendStringInfoString(&sql, " ON ");
  write_join(&sql, subject);
  appendStringInfoString(&sql, " WHERE ");
  write_differs(&sql, subject);
  const Scope scope = enter(subject.counters);
  const Statement *statement =
      settled_statement(subject, signature_of(subject, StatementKind::differs), sql.data, parameters);
  const bool found = run_statement(statement, parameters, subject.parent, nullptr).found;
  leave(scope);
  return found;
}

}  // namespace

void complete_recounted(const Subject &subject) { flush_pending(InvalidOid, restriction_for(subject.counters->owner)); }

void backfill(Oid child, Oid parent, const ChildTerms *source) {
  const Subject subject = find_subject(child, parent, source);
  run_recount(subject, signature_of(subject, StatementKind::recount), recount_sql(subject, false), Parameters{});
  complete_recounted(subject);
}

bool recount_row(const Subject &subject, const Datum *key) {
  Parameters parameters{};
  for (int i = 0; i < subject.reference->nkeys; ++i)
    add_parameter(&parameters, get_atttype(subject.parent, subject.reference->confkey[i]), key[i], false);
  if (run_recount(subject, signature_of(subject, StatementKind::recount_row), recount_sql(subject, true), parameters) >
      0)
    return true;
  if (differs(subject, parameters)) error_suppressed(table_open(subject.parent, NoLock));
  return false;
}

}  // namespace ratchet
