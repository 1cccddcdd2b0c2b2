#include "contract/core_copy.h"

#include "contract/errors.h"

namespace ratchet {

void name_relation(void *argument) {
  const auto relation = static_cast<Relation>(argument);
  report_table(relation);
  errcontext("contract of relation \"%s\"", RelationGetRelationName(relation));
}

}  // namespace ratchet
