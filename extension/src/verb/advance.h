// verb/advance.h: a move along a state graph, for verbs that make one.
#pragma once

#include "pg/pg.h"

#include "verb/target.h"

namespace ratchet {

struct Move {
  Target target;
  const StateColumn *column;
  const char *state;  // where to
  Fields patch;       // columns to set with it
  Fields expect;      // what must still hold
};

// Errors: 22023 for a state that the column does not have, and a patch of what a move sets itself.
void check_move(const Move &move);

// Moves the row as ratchet.advance() does. False: the graph does not lead there, the row is not as expected, or has
// gone.
bool make_move(const Move &move);

}  // namespace ratchet
