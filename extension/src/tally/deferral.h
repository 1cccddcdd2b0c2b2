// tally/deferral.h: writing parents when it is not one of their writers who does it.
//
// The owner's conditions, and the parent's triggers, run as the owner. For
// anybody else, a superuser above all, this is a security-restricted operation:
// no deferred trigger of the owner's may be queued, which would run as the caller at
// COMMIT. Our own flush of the parent, where that is a child itself, need not be
// queued: the tables are armed beforehand, and written afterwards. So it is for the owner too: an event that is left
// would keep DDL away from the table that a migration has just declared a tally on.
#pragma once

#include "pg/pg.h"

namespace ratchet {

struct Deferral {
  int flags;  // of the security context in which the parent is to be written
  List *armed;
};

Deferral start_deferral(Oid parent, Oid owner);
// Errors: as flush_pending().
void end_deferral(const Deferral &deferral);

}  // namespace ratchet
