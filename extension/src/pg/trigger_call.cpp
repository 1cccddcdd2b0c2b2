#include "pg/trigger_call.h"

namespace ratchet {

const TriggerData *require_trigger_call(FunctionCallInfo fcinfo, const char *function, TriggerEvent event,
                                        const char *manner, TriggerEvent operations) {
  if (!CALLED_AS_TRIGGER(fcinfo))
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("function \"%s\" was not called by trigger manager", function));
  const auto *trigger = reinterpret_cast<const TriggerData *>(fcinfo->context);
  if ((trigger->tg_event & (operations | TRIGGER_EVENT_ROW | TRIGGER_EVENT_TIMINGMASK)) != event)
    ereport(ERROR, errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
            errmsg("function \"%s\" must be fired %s", function, manner));
  return trigger;
}

}  // namespace ratchet
