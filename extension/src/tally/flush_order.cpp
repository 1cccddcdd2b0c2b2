// tally/flush_order.cpp: heights of tables and depths of rows.
//
// Heights are of the strongly connected components of the graph "is counted for",
// found by Tarjan's algorithm ("Depth-first search and linear graph algorithms",
// 1972), which looks at every table once. So they depend on the declarations alone,
// not on what a transaction has touched, and two transactions agree on them.
//
// Depths are found by walking from a row to those that it refers to. That reads the rows as this
// transaction sees them: another one that gives a row a new place in the tree at
// the same moment can make the order wrong, and then PostgreSQL's detector ends one
// of the two.
#include "pg/pg.h"

extern "C" {
#include "access/relation.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "utils/hsearch.h"
#include "utils/snapmgr.h"
}

#include <algorithm>

#include "pg/list.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "pg/user_context.h"
#include "tally/flush.h"
#include "tally/flush_order.h"
#include "tally/references.h"
#include "tally/write_row.h"

namespace ratchet {

namespace {

struct Node {
  Oid relid;      // hash key, must be first
  List *parents;  // OIDs of tables that its rows are counted for, itself left out
  bool counts_itself;
  int index;   // in which it was found
  int lowest;  // the smallest index that is reached from it
  bool on_stack;
  TableRank rank;  // valid only if not on_stack
};

struct Graph {
  MemoryContext memory;
  HTAB *nodes;      // Oid -> Node
  List *stack;      // Node *
  int next_index;   // of the next node
  uint64 built_at;  // cache_generation()
  bool whole;       // no walk has ended in an error
};

Graph *known;  // nullptr: nothing is known

void start_graph() {
  if (known != nullptr) MemoryContextDelete(known->memory);
  known = nullptr;
  MemoryContext memory = AllocSetContextCreate(TopMemoryContext, "ratchet order of tables", ALLOCSET_SMALL_SIZES);
  auto *graph = static_cast<Graph *>(MemoryContextAllocZero(memory, sizeof(Graph)));
  graph->memory = memory;
  graph->built_at = cache_generation();
  graph->whole = true;
  HASHCTL control{};
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(Node);
  control.hcxt = memory;
  graph->nodes = hash_create("ratchet order of tables", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
  known = graph;
}

Node *find_node(const Graph *graph, Oid relid) {
  return static_cast<Node *>(hash_search(graph->nodes, &relid, HASH_FIND, nullptr));
}

// Tables that a table's rows are counted for, in the current memory context.
List *find_parents(Oid relid) {
  List *parents = NIL;
  Relation relation = try_relation_open(relid, AccessShareLock);
  if (relation == nullptr) return NIL;
  for (const Trigger *trigger : find_triggers(relation, TriggerKind::child)) {
    const Oid parent = find_parent(relation, parse_child_trigger(relation, trigger));
    if (OidIsValid(parent)) parents = list_append_unique_oid(parents, parent);
  }
  relation_close(relation, NoLock);
  return parents;
}

Node *add_node(Graph *graph, Oid relid) {
  const List *parents = find_parents(relid);
  bool found;
  auto *node = static_cast<Node *>(hash_search(graph->nodes, &relid, HASH_ENTER, &found));
  *node = {relid, NIL, list_member_oid(parents, relid), graph->next_index, graph->next_index, true, {0, InvalidOid}};
  ++graph->next_index;
  MemoryContext caller = MemoryContextSwitchTo(graph->memory);
  node->parents = list_copy(parents);
  node->parents = list_delete_oid(node->parents, relid);
  graph->stack = lappend(graph->stack, node);
  MemoryContextSwitchTo(caller);
  return node;
}

// Takes the component of a node, from which no earlier one is reached, off the stack.
void rank_component(Graph *graph, const Node *root) {
  List *members = NIL;
  for (const Node *member = nullptr; member != root;) {
    auto *last = static_cast<Node *>(llast(graph->stack));
    graph->stack = list_delete_last(graph->stack);
    last->on_stack = false;
    members = lappend(members, last);
    member = last;
  }
  TableRank rank{0, InvalidOid};
  Oid smallest = root->relid;
  ListCell *cell;
  for (const auto *member : each<Node>(members)) {
    smallest = std::min(smallest, member->relid);
    if (member->counts_itself || list_length(members) > 1) rank.circle = smallest;
    for (const Oid oid : each_oid(member->parents)) {
      Node *parent = find_node(graph, oid);
      if (!list_member_ptr(members, parent)) rank.height = std::max(rank.height, 1 + parent->rank.height);
    }
  }
  if (OidIsValid(rank.circle)) rank.circle = smallest;
  foreach (cell, members) static_cast<Node *>(lfirst(cell))->rank = rank;
}

Node *visit(Graph *graph, Oid relid) {
  check_stack_depth();
  CHECK_FOR_INTERRUPTS();
  Node *node = add_node(graph, relid);
  for (const Oid oid : each_oid(node->parents)) {
    Node *parent = find_node(graph, oid);
    if (parent == nullptr) {
      parent = visit(graph, oid);
      node->lowest = std::min(node->lowest, parent->lowest);
    } else if (parent->on_stack) {
      node->lowest = std::min(node->lowest, parent->index);
    }
  }
  if (node->lowest == node->index) rank_component(graph, node);
  return node;
}

enum class Climb : unsigned char { not_begun, on_way, done };

// A row of a circle.
struct RowNode {
  PendingKey key;  // hash key, must be first
  Climb climb;
  List *above;  // RowNode *, the rows that its own counters are counted for; valid unless not_begun
  int climbed;  // how many of them
  int depth;    // valid only if done
};

// How a row's own counters are counted further.
struct Link {
  Tally *tally;
  Counters *parent;
};

}  // namespace

struct RowDepths {
  MemoryContext memory;
  Oid circle;
  HTAB *rows;  // PendingKey -> RowNode
};

namespace {

// Whether a tally looks at anything that a flush writes.
bool looks_at_counters(const Tally *tally, const Counters *counters) {
  for (int i = 0; i < tally->nused; ++i)
    for (int j = 0; j < counters->nguarded; ++j)
      if (tally->used[i].attnum == counters->guarded[j].attnum) return true;
  return false;
}

// The tallies by which the row's counters are counted further within the circle. A list of Link *.
List *find_links(const RowDepths *depths, const Counters *counters) {
  List *links = NIL;
  Relation relation = relation_open(counters->root, AccessShareLock);
  for (const Trigger *trigger : find_triggers(relation, TriggerKind::child)) {
    if (!fires_now(*trigger)) continue;
    Tally *tally = load_tally(relation, trigger);
    if (find_table_rank(tally->other).circle != depths->circle || !looks_at_counters(tally, counters)) continue;
    auto *link = palloc_object<Link>();
    *link = {tally, resolve(tally)};
    links = lappend(links, link);
  }
  relation_close(relation, NoLock);
  return links;
}

//   SELECT "up", ... FROM schema.table t WHERE t."key" OPERATOR(pg_catalog.=) $1 AND ...
// The columns of all links, in their order.
const Statement *climb_statement(Counters *counters, const List *links, const Parameters &parameters) {
  Signature signature{};
  sign(&signature, StatementKind::climb);
  ListCell *cell;
  foreach (cell, links) {
    const Tally *tally = static_cast<const Link *>(lfirst(cell))->tally;
    for (int i = 0; i < tally->nkey; ++i) sign(&signature, tally->key[i].attnum);
  }
  if (const Statement *statement = find_statement(counters, signature)) return statement;
  SqlWriter writer;
  init_writer(&writer);
  foreach (cell, links) {
    const Tally *tally = static_cast<const Link *>(lfirst(cell))->tally;
    for (int i = 0; i < tally->nkey; ++i)
      appendStringInfo(&writer.sql, "%st.%s", writer.sql.len > 0 ? ", " : "SELECT ",
                       quote_identifier(get_attname(counters->root, tally->key[i].attnum, false)));
  }
  appendStringInfo(&writer.sql, " FROM %s t", qualified_relation(counters->root));
  write_row_key(&writer, counters);
  return prepare_statement(counters, signature, writer.sql.data, parameters);
}

RowNode *find_or_add(RowDepths *depths, const Counters *counters, const Datum *key) {
  const PendingKey wanted = key_of(counters, key);
  if (void *found = hash_search(depths->rows, &wanted, HASH_FIND, nullptr)) return static_cast<RowNode *>(found);
  // What is in the table must never point at the caller's values.
  MemoryContext caller = MemoryContextSwitchTo(depths->memory);
  const PendingKey own = copy_key(wanted);
  bool found;
  auto *row = static_cast<RowNode *>(hash_search(depths->rows, &own, HASH_ENTER, &found));
  *row = {own, Climb::not_begun, NIL, 0, 0};
  MemoryContextSwitchTo(caller);
  return row;
}

// The row's references, in a slot of its relation.
TupleTableSlot *slot_of(const List *links, const Row &row, Relation relation) {
  TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsVirtual);
  memset(slot->tts_isnull, true, sizeof(bool) * slot->tts_tupleDescriptor->natts);
  int place = 0;
  ListCell *cell;
  foreach (cell, links) {
    const Tally *tally = static_cast<const Link *>(lfirst(cell))->tally;
    for (int i = 0; i < tally->nkey; ++i, ++place) {
      slot->tts_values[tally->key[i].attnum - 1] = row.values[place];
      slot->tts_isnull[tally->key[i].attnum - 1] = row.nulls[place];
    }
  }
  return ExecStoreVirtualTuple(slot);
}

// Looks the row up and fills in which rows are above it.
void look_up(RowDepths *depths, RowNode *node) {
  Counters *counters = current_counters(node->key.counters->root, AccessShareLock);
  const List *links = find_links(depths, counters);
  if (links == NIL) return;
  const Parameters parameters = key_parameters(counters, node->key.values);
  const User caller = become(counters->owner, SECURITY_NOFORCE_RLS);
  const Row row = run_statement(climb_statement(counters, links, parameters), parameters, counters->root, nullptr);
  restore(caller);
  if (!row.found) return;
  Relation relation = relation_open(counters->root, AccessShareLock);
  TupleTableSlot *slot = slot_of(links, row, relation);
  for (const auto *link : each<Link>(links)) {
    Datum key[INDEX_MAX_KEYS];
    if (!evaluate_key(link->tally, slot, key)) continue;
    RowNode *above = find_or_add(depths, link->parent, key);
    MemoryContext memory = MemoryContextSwitchTo(depths->memory);
    node->above = lappend(node->above, above);
    MemoryContextSwitchTo(memory);
  }
  ExecDropSingleTupleTableSlot(slot);
  relation_close(relation, NoLock);
}

// All rows above have been climbed, but for those on the way to this one: there a circle of rows begins again.
void leave(RowNode *row) {
  row->climb = Climb::done;
  for (const auto *above : each<RowNode>(row->above)) {
    if (above->climb == Climb::done) row->depth = std::max(row->depth, above->depth + 1);
  }
}

}  // namespace

TableRank find_table_rank(Oid relid) {
  if (known == nullptr || !known->whole || known->built_at != cache_generation()) start_graph();
  if (const Node *node = find_node(known, relid)) return node->rank;
  // An error on the way leaves a part that says nothing.
  known->whole = false;
  const Node *node = visit(known, relid);
  known->whole = true;
  return node->rank;
}

RowDepths *make_row_depths(Oid circle) {
  auto *depths = palloc_object<RowDepths>();
  *depths = {CurrentMemoryContext, circle,
             make_key_table("ratchet depths of rows", sizeof(RowNode), CurrentMemoryContext)};
  return depths;
}

// With a stack of its own: a chain of rows may be longer than the C stack is deep.
int find_row_depth(RowDepths *depths, Counters *counters, const Datum *key) {
  RowNode *row = find_or_add(depths, counters, key);
  if (row->climb == Climb::done) return row->depth;
  MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "ratchet climb", ALLOCSET_DEFAULT_SIZES);
  List *way = NIL;
  for (RowNode *next = row; next != nullptr || way != NIL;) {
    CHECK_FOR_INTERRUPTS();
    if (next != nullptr && next->climb == Climb::not_begun) {
      next->climb = Climb::on_way;
      MemoryContext caller = MemoryContextSwitchTo(scratch);
      look_up(depths, next);
      MemoryContextSwitchTo(caller);
      MemoryContextReset(scratch);
      way = lappend(way, next);
    }
    auto *last = static_cast<RowNode *>(llast(way));
    next = last->climbed < list_length(last->above) ? static_cast<RowNode *>(list_nth(last->above, last->climbed++))
                                                    : nullptr;
    if (next == nullptr) {
      leave(last);
      way = list_delete_last(way);
    }
  }
  MemoryContextDelete(scratch);
  return row->depth;
}

}  // namespace ratchet
