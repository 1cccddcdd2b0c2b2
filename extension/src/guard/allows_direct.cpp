#include "pg/pg.h"

extern "C" {
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
}

#include "contract/trigger_cache.h"
#include "guard/allows_direct.h"
#include "pg/heap_update.h"

namespace ratchet {

namespace {

bool only_foreign_keys_fire(Relation relation) {
  int guards = 0;
  for (const OwnTrigger &own : copy_triggers(relation)) {
    if (!TRIGGER_FOR_UPDATE(own.trigger->tgtype)) continue;
    if (own.kind == TriggerKind::guard)
      ++guards;
    else if (RI_FKey_trigger_type(own.trigger->tgfoid) == RI_TRIGGER_NONE)
      return false;
  }
  return guards == 1;
}

}  // namespace

bool allows_direct(Relation relation) {
  return is_plain_heap(relation) && !relation->rd_rel->relrowsecurity && only_foreign_keys_fire(relation);
}

}  // namespace ratchet
