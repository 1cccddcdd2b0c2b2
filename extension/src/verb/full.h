// verb/full.h: verbs that count into counters with limits.
#pragma once

#include "pg/pg.h"

#include <initializer_list>

#include "pg/attempt.h"
#include "tally/flush.h"
#include "tally/limit.h"

namespace ratchet {

// Runs a verb, which says whether it has written anything; where that is limited, what was counted is written then,
// because a limit is judged with the parent's row locked. What a limit refuses is taken back, all of it: returns the
// limit's name; nullptr: it went well. counted: the tables whose rows it writes; nullptr among them: none.
template <typename Body>
const char *undo_where_full(std::initializer_list<Relation> counted, Body &&body) {
  bool limited = false;
  for (const Relation relation : counted) limited = limited || (relation != nullptr && is_limited(relation));
  const char *limit = nullptr;
  if (limited)
    undo_if(
        [&](const ErrorData *error) {
          limit = limit_in(error);
          return limit != nullptr;
        },
        [&] {
          if (body()) flush_pending(InvalidOid);
        });
  else
    body();
  return limit;
}

}  // namespace ratchet
