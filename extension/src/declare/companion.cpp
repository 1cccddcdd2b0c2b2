#include "declare/companion.h"

extern "C" {
#include "access/xact.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
}

#include "contract/stored_trigger.h"
#include "pg/list.h"
#include "pg/quote.h"

namespace ratchet {

const char *choose_name(Oid parent, const char *label) {
  const Oid schema = get_rel_namespace(parent);
  return quote_qualified_identifier(get_namespace_name(schema),
                                    ChooseRelationName(get_rel_name(parent), nullptr, label, schema, false));
}

List *hand_over(List *commands, Oid parent, const char *kind, const char *name) {
  const Oid owner = require_owner(parent);
  if (owner == GetUserId()) return commands;
  return lappend(commands,
                 psprintf("ALTER %s %s OWNER TO %s", kind, name, quote_identifier(GetUserNameFromId(owner, false))));
}

void give_to_owner_of(Oid parent, Oid relation) {
  const Oid owner = find_owner_of_relation(parent);
  if (!OidIsValid(relation) || !OidIsValid(owner) || find_owner_of_relation(relation) == owner) return;
  ATExecChangeOwner(relation, owner, false, AccessExclusiveLock);
  CommandCounterIncrement();
}

List *tie(List *commands, Oid parent, const char *name, const char *trigger, const char *function) {
  return lappend(commands, psprintf("CREATE CONSTRAINT TRIGGER %s AFTER INSERT OR UPDATE OR DELETE ON %s FROM %s "
                                    "NOT DEFERRABLE FOR EACH ROW EXECUTE FUNCTION ratchet.%s()",
                                    quote_identifier(trigger), name, qualified_relation(parent), function));
}

}  // namespace ratchet
