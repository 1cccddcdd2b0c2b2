#include "contract/core_copy.h"

#include "contract/errors.h"

namespace ratchet {

void name_relation(void *argument) {
  const auto relation = static_cast<Relation>(argument);
  errtable(relation);
  errcontext("contract of relation \"%s\"", RelationGetRelationName(relation));
}

}  // namespace ratchet
