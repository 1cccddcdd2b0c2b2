// tally/arm.h: having a flush on its way.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "commands/trigger.h"
}

namespace ratchet {

// Queues a flush for the table of a row trigger, once a transaction; where its flush trigger is disabled or gone,
// flushes at once.
void arm(const TriggerData *trigger);

}  // namespace ratchet
