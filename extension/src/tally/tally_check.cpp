// tally/tally_check.cpp: whether the columns of a parent can be what a tally wants them to be.
#include "pg/pg.h"

extern "C" {
#include "access/genam.h"
#include "access/sysattr.h"
#include "catalog/pg_index.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/syscache.h"
}

#include <climits>

#include "contract/errors.h"
#include "contract/guard_terms.h"
#include "contract/times.h"
#include "pg/foreign_key.h"
#include "pg/list.h"
#include "tally/expression.h"
#include "tally/tally.h"

namespace ratchet {

namespace {

bool is_countable(Oid type) { return type == INT2OID || type == INT4OID || type == INT8OID || type == NUMERICOID; }

struct Column {
  Relation relation;
  const char *name;
  int sqlstate;
  Form_pg_attribute attribute;
};

Column find_column(Relation relation, const char *name, int sqlstate) {
  const AttrNumber attnum = get_attnum(RelationGetRelid(relation), name);
  if (attnum <= 0) error_no_column(sqlstate, relation, name);
  Column column{relation, name, sqlstate, TupleDescAttr(RelationGetDescr(relation), attnum - 1)};
  if (column.attribute->attgenerated != '\0')
    error_column_unfit(sqlstate, relation, name,
                       "column \"%s\" of relation \"%s\" is generated and cannot be part of a tally");
  return column;
}

void require(const Column &column, bool holds, const char *message) {
  if (!holds) error_column_unfit(column.sqlstate, column.relation, column.name, message);
}

// An update of such a column would lock the row against foreign key checks,
// and so make those who add children wait for each other.
bool is_in_unique_index(Relation relation, AttrNumber attnum) {
  bool unique = false;
  for (const Oid oid : each_oid(RelationGetIndexList(relation))) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
    if (!HeapTupleIsValid(tuple)) continue;
    const auto form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    for (int i = 0; form->indisunique && i < form->indnatts; ++i) unique = unique || form->indkey.values[i] == attnum;
    ReleaseSysCache(tuple);
  }
  return unique;
}

bool is_named(const char *const *names, int count, const char *name) {
  for (int i = 0; i < count; ++i)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

void check_written(Relation parent, const ParentTerms *terms, const char *name, const GuardTerms *guard, int sqlstate) {
  const Column column = find_column(parent, name, sqlstate);
  require(column, !is_in_unique_index(parent, column.attribute->attnum),
          "column \"%s\" of relation \"%s\" is part of a unique index and cannot be written by a tally");
  require(column, !is_named(terms->key, terms->nkey, name),
          "column \"%s\" of relation \"%s\" is part of the key that the tally references");
  require(column, !is_in_foreign_key(parent, column.attribute->attnum),
          "column \"%s\" of relation \"%s\" is part of a foreign key and cannot be written by a tally");
  require(column, guard == nullptr || !is_named(guard->guarded, guard->nguarded, name),
          "column \"%s\" of relation \"%s\" belongs to the guard contract of the table");
}

void check_completion(Relation parent, const CompletionTerm &completion, int sqlstate) {
  if (completion.total != nullptr) {
    const Column total = find_column(parent, completion.total, sqlstate);
    require(
        total, is_countable(total.attribute->atttypid),
        "column \"%s\" of relation \"%s\" cannot be a total: its type must be smallint, integer, bigint or numeric");
  }
  if (completion.done != nullptr) {
    const Column done = find_column(parent, completion.done, sqlstate);
    require(done, done.attribute->atttypid == BOOLOID,
            "column \"%s\" of relation \"%s\" cannot be done: its type must be boolean");
  }
  if (completion.done_at != nullptr) {
    const Column done_at = find_column(parent, completion.done_at, sqlstate);
    require(
        done_at, is_time(done_at.attribute->atttypid),
        "column \"%s\" of relation \"%s\" cannot be done_at: its type must be timestamp with time zone or timestamp");
    require(done_at, !done_at.attribute->attnotnull,
            "column \"%s\" of relation \"%s\" cannot be done_at: it is NOT NULL");
  }
}

// Digits after the point; without a type modifier there is no limit.
int scale_of(int32 typmod) {
  if (typmod < static_cast<int32>(VARHDRSZ)) return INT_MAX;
  return (((typmod - static_cast<int32>(VARHDRSZ)) & 0x7ff) ^ 1024) - 1024;
}

}  // namespace

void check_kept(Relation parent, const ParentTerms *terms, int sqlstate) {
  const Trigger *trigger = find_trigger(parent, TriggerKind::guard);
  const GuardTerms *guard = trigger == nullptr ? nullptr : parse_guard_trigger(CurrentMemoryContext, parent, trigger);
  for (int i = 0; i < terms->nkey; ++i) find_column(parent, terms->key[i], sqlstate);
  for (int i = 0; i < terms->ncounters; ++i) {
    const Column counter = find_column(parent, terms->counters[i], sqlstate);
    require(
        counter, is_countable(counter.attribute->atttypid),
        "column \"%s\" of relation \"%s\" cannot be a counter: its type must be smallint, integer, bigint or numeric");
  }
  for (int i = 0; i < terms->ncompletions; ++i) check_completion(parent, terms->completions[i], sqlstate);
  for (int i = 0; i < terms->nlimits; ++i) {
    for (const char *name : {terms->limits[i].max.column, terms->limits[i].min.column}) {
      if (name == nullptr) continue;
      const Column bound = find_column(parent, name, sqlstate);
      require(bound, is_countable(bound.attribute->atttypid),
              "column \"%s\" of relation \"%s\" cannot be a limit: its type must be smallint, integer, bigint or "
              "numeric");
    }
  }
  for (int i = 0; i < terms->nguarded; ++i) {
    check_written(parent, terms, terms->guarded[i], guard, sqlstate);
    if (is_named(terms->guarded, i, terms->guarded[i]))
      error_column_unfit(sqlstate, parent, terms->guarded[i],
                         "column \"%s\" of relation \"%s\" is written by two tallies");
  }
}

void check_reads(Relation parent, const ParentTerms *terms, const Bitmapset *reads, int sqlstate) {
  for (int place = -1; (place = bms_next_member(reads, place)) >= 0;) {
    const auto attnum = static_cast<AttrNumber>(place + FirstLowInvalidHeapAttributeNumber);
    const char *name = get_attname(RelationGetRelid(parent), attnum, false);
    // PostgreSQL computes it from the row that the triggers return, after they have decided.
    const Column column = find_column(parent, name, sqlstate);
    for (int i = 0; i < terms->ncompletions; ++i)
      for (const char *written : {terms->completions[i].done, terms->completions[i].done_at})
        require(column, written == nullptr || strcmp(written, name) != 0,
                "column \"%s\" of relation \"%s\" is written by a completion and cannot be part of a condition");
  }
}

void check_conditions(Relation parent, const ParentTerms *terms, int sqlstate) {
  for (int i = 0; i < terms->ncompletions; ++i) {
    if (terms->completions[i].when == nullptr) continue;
    Expr *expression = parse_when(parent, terms->completions[i].when, sqlstate);
    Bitmapset *reads = nullptr;
    pull_varattnos(reinterpret_cast<Node *>(expression), 1, &reads);
    check_reads(parent, terms, reads, sqlstate);
  }
}

void check_persistence(Relation child, Oid parent, int sqlstate) {
  if (child->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ||
      child->rd_rel->relpersistence == get_rel_persistence(parent))
    return;
  ereport(ERROR, errcode(sqlstate),
          errmsg("relations \"%s\" and \"%s\" must both be logged, or both unlogged", RelationGetRelationName(child),
                 get_rel_name(parent)),
          errdetail("After a crash an unlogged table is empty, and counters of a logged one are not."),
          errtable(child));
}

void check_sum(Relation parent, const char *name, Oid type, int32 typmod, int sqlstate) {
  if (getBaseType(type) != NUMERICOID) return;
  const Column counter = find_column(parent, name, sqlstate);
  require(counter, counter.attribute->atttypid == NUMERICOID,
          "column \"%s\" of relation \"%s\" cannot hold a numeric sum: its type must be numeric");
  require(counter, counter.attribute->atttypmod < 0 || scale_of(typmod) <= scale_of(counter.attribute->atttypmod),
          "column \"%s\" of relation \"%s\" would round what is summed: its type must be numeric, without a scale or "
          "with one that is large enough");
}

void check_scale(Relation parent, const char *name, int sqlstate) {
  const Column counter = find_column(parent, name, sqlstate);
  require(counter, counter.attribute->atttypid != NUMERICOID || scale_of(counter.attribute->atttypmod) >= 0,
          "column \"%s\" of relation \"%s\" would round what is counted: its scale is negative");
}

void check_counted(Relation child, Relation parent, const ChildTerms *source, int sqlstate) {
  for (int i = 0; i < source->ncounters; ++i) {
    const CounterTerm &term = source->counters[i];
    check_scale(parent, term.column, sqlstate);
    if (!term.sum) continue;
    const auto *expression = reinterpret_cast<const Node *>(parse_expression(child, term.expression, true, sqlstate));
    check_sum(parent, term.column, exprType(expression), exprTypmod(expression), sqlstate);
  }
}

void check_not_counted(Relation relation, const char *const *columns, int count) {
  const Trigger *trigger = find_trigger(relation, TriggerKind::parent);
  if (trigger == nullptr) return;
  const ParentTerms *terms = parse_parent_trigger(relation, trigger);
  for (int i = 0; i < count; ++i)
    if (is_named(terms->guarded, terms->nguarded, columns[i]))
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, relation, columns[i],
                         "column \"%s\" of relation \"%s\" is written by a tally");
}

}  // namespace ratchet
