#include "permission.h"

namespace ratchet {

Permission *current_permission = nullptr;

Permission *permission_of(const TriggerData *trigger) {
  Permission *permission = current_permission;
  if (permission == nullptr || permission->estate == nullptr || permission->judged) return nullptr;
  // tg_trigslot is the slot for old tuples that the executor made for this result relation in this run.
  if (!list_member_ptr(permission->estate->es_tupleTable, trigger->tg_trigslot)) return nullptr;
  return permission;
}

}  // namespace ratchet
