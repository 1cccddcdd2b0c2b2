// verb/heartbeat.h: the time of a heartbeat.
#pragma once

#include "pg/pg.h"

#include "verb/target.h"

namespace ratchet {

// The heartbeat column's value for now, by the clock: several beats of one
// transaction differ. Valid only if the contract has a heartbeat.
Field heartbeat_now(const Target &target);

}  // namespace ratchet
