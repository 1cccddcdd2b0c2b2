// tally/fold.h: adding what lies spilled to the rows that it was counted for.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/relcache.h"
}

#include "tally/tally.h"
#include "tally/write_row.h"

namespace ratchet {

// What a look at a table of spilled counts finds.
struct SpilledRows {
  List *keys;     // Datum *, each once, of rows that are committed; as many as were asked for
  bool underway;  // there are rows of transactions that have not ended
};

constexpr int most_keys = 1000;

// Looks at the whole table as it is now, in the current memory context. Locks: ACCESS SHARE on the table.
SpilledRows look_at_spilled(const Counters *counters, int most = most_keys);

// Adds what lies spilled for a row of the parent, and completes it, as a flush does; a row that another transaction has
// is left to that one, and a shard that is not, or not yet, on this node to the node that has it; a move of it is
// waited for. What the caller's transaction has counted is written first. At READ COMMITTED only.
Folded fold_row(Oid parent, const Datum *key, FoldMode mode);

}  // namespace ratchet
