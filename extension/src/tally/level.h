// tally/level.h: what a transaction keeps by the subtransaction that it belongs to.
//
// One level for each subtransaction that has anything to keep, in memory of the transaction. A rollback to a savepoint
// drops its level. A release must not fail, so it only says that the level belongs to the subtransaction outside of it;
// two neighbours of the same one are merged when the current level is next looked for.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
}

namespace ratchet {

// The head of a level. Self, the level, has memory_name: what its memory is called.
template <typename Self>
struct LevelHead {
  Self *outer;
  int nest_level;  // transaction nesting that it belongs to
  MemoryContext memory;
};

// An empty level. The outermost transaction's lives as long as the transaction; any other may be dropped or merged
// before.
template <typename Level>
Level *new_level(int nest_level, Level *outer) {
  MemoryContext memory = nest_level == 1
                             ? TopTransactionContext
                             : AllocSetContextCreate(TopTransactionContext, Level::memory_name, ALLOCSET_SMALL_SIZES);
  auto *level = static_cast<Level *>(MemoryContextAllocZero(memory, sizeof(Level)));
  level->nest_level = nest_level;
  level->memory = memory;
  level->outer = outer;
  return level;
}

// The level of the current subtransaction, made if need be. merge_top(): hands the top level to the one outside of it.
template <typename Level, typename Merge>
Level *find_current_level(Level *const &top, Merge &&merge_top) {
  while (top != nullptr && top->outer != nullptr && top->outer->nest_level == top->nest_level) merge_top();
  const int nest_level = GetCurrentTransactionNestLevel();
  return top == nullptr || top->nest_level < nest_level ? new_level(nest_level, top) : top;
}

// The current subtransaction is released.
template <typename Level>
void release_levels(Level *top) {
  const int nest_level = GetCurrentTransactionNestLevel();
  for (Level *level = top; level != nullptr && level->nest_level >= nest_level; level = level->outer)
    level->nest_level = nest_level - 1;
}

// The current subtransaction is rolled back. Returns what is on top now.
template <typename Level>
Level *drop_levels(Level *top) {
  const int nest_level = GetCurrentTransactionNestLevel();
  while (top != nullptr && top->nest_level >= nest_level) {
    const Level *dropped = top;
    top = dropped->outer;
    MemoryContextDelete(dropped->memory);
  }
  return top;
}

}  // namespace ratchet
