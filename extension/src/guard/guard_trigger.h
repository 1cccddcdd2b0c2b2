// guard/guard_trigger.h: the facts about a guarded write that other files ask for.
#pragma once

#include "pg/pg.h"

#include "guard/guard_contract.h"

namespace ratchet {

// The columns of `changed` (places in contract->guarded) that this update may
// change because it is a foreign key's own action.
Bitmapset *referential_changes(const TriggerData *trigger, const GuardContract *contract, const Bitmapset *changed);

// Whether this update is a foreign key's own action, whatever triggers have made of it, and whether or not the key's
// columns are guarded.
bool is_referential_action(const TriggerData *trigger, const GuardContract *contract);

}  // namespace ratchet
