// activity/attempt_log.h: a line of the server log for each attempt that a contract has had to do with.
//
// What is logged is the server's business and not the session's: the settings are a superuser's, and what an
// application sets for its own notices (ratchet.kept_notice) has no say here. A line has no row values but the key, and
// that only where ratchet.log_keys is on; the statement, which has them all, is left out. Who it was, the session's and
// the transaction's numbers, are for log_line_prefix.
//
// No more than ratchet.log_rate lines a second, of all sessions together where they share memory, otherwise of each: an
// application that violates a contract in a loop must not fill a disk. The first line after that says how many there
// would have been.
#pragma once

#include "pg/pg.h"

#include "activity/event.h"

namespace ratchet {

struct AttemptLine {
  Oid relation;
  Event event;
  int64 rows;
  const List *columns;  // names, char *; NIL: it is about none
  const char *key;      // of the row, or of the first of them; nullptr: not known
  int sqlstate;         // of the error that is raised, or would be; 0: none
};

void init_attempt_log();

// Whether attempts of this kind are logged.
bool is_logged(Event event);

// Whether lines have keys, so that it is worth while to make one.
bool logs_keys();

// to_client: a client that asks for what goes to the log sees the line too.
void log_attempt(const AttemptLine &attempt, bool to_client);

}  // namespace ratchet
