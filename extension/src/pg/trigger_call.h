// pg/trigger_call.h: what a trigger function is called with.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "commands/trigger.h"
}

namespace ratchet {

// The trigger data of a call, if it is by the trigger manager and of exactly
// this event. Errors: 39P01. manner: the event in words. operations: 0 when
// it may be any operation.
const TriggerData *require_trigger_call(FunctionCallInfo fcinfo, const char *function, TriggerEvent event,
                                        const char *manner, TriggerEvent operations = TRIGGER_EVENT_OPMASK);

}  // namespace ratchet
