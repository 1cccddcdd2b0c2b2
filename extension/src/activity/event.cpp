#include "activity/event.h"

namespace ratchet {

namespace {

constexpr const char *names[event_count] = {
    "submitted", "replayed",  "already_submitted", "conflict",      "key_reused", "stale",   "limited",
    "full",      "not_found", "advanced",          "already_there", "refused",    "updated", "unchanged",
    "alive",     "finished",  "amended",           "swept",         "closed",     "kept",    "rejected",
    "observed",  "suspended", "counted",           "flushed",       "completed",  "spilled", "folded"};

}  // namespace

const char *name_of(Event event) { return names[static_cast<int>(event)]; }

Event event_of(const char *outcome) {
  for (int i = 0; i < event_count; ++i)
    if (strcmp(names[i], outcome) == 0) return static_cast<Event>(i);
  elog(ERROR, "unknown outcome \"%s\"", outcome);
  pg_unreachable();
}

}  // namespace ratchet
