#include "pg/pg.h"

#include "contract/errors.h"
#include "tally/structure.h"

namespace ratchet {

List *counters_findings(Relation relation) {
  List *findings = list_concat(later_triggers(relation, Last::counters), instead_rules(relation, Last::counters));
  if (has_inheritance_children(relation))
    findings = lappend(findings, finding("error", "the table has inheritance children, whose rows are not counted for",
                                         "Use declarative partitioning."));
  return findings;
}

void check_counters_structure(Relation relation) { raise_first(relation, counters_findings(relation)); }

}  // namespace ratchet
