#include "contract/permission.h"

namespace ratchet {

Permission *current_permission = nullptr;

Permission *find_run_permission(const TriggerData *trigger) {
  Permission *permission = current_permission;
  if (permission == nullptr || permission->estate == nullptr) return nullptr;
  // tg_trigslot is the slot for old tuples that the executor made for this result relation in this run.
  return list_member_ptr(permission->estate->es_tupleTable, trigger->tg_trigslot) ? permission : nullptr;
}

Permission *find_permission(const TriggerData *trigger) {
  Permission *permission = find_run_permission(trigger);
  return permission == nullptr || permission->judged ? nullptr : permission;
}

}  // namespace ratchet
