#include "tally/deferral.h"

extern "C" {
#include "catalog/pg_inherits.h"
}

#include "pg/list.h"
#include "pg/user_context.h"
#include "tally/flush.h"

namespace ratchet {

Deferral start_deferral(Oid parent, Oid owner) {
  Deferral deferral{restriction_for(owner), NIL};
  for (const Oid oid : each_oid(find_all_inheritors(parent, AccessShareLock, nullptr))) {
    if (is_armed(oid)) continue;
    set_armed(oid, true);
    deferral.armed = lappend_oid(deferral.armed, oid);
  }
  return deferral;
}

void end_deferral(const Deferral &deferral) {
  for (const Oid oid : each_oid(deferral.armed)) set_armed(oid, false);
  if (deferral.armed != NIL) flush_pending(InvalidOid, deferral.flags);
}

}  // namespace ratchet
