// declare/companion.h: making tables that belong to others (contract/companion.h).
#pragma once

#include "pg/pg.h"

namespace ratchet {

// schema.name of what a parent gets beside it: its own name, shortened so that the label has room, and a number where
// that is taken.
const char *choose_name(Oid parent, const char *label);

// Who declares a contract on a table of another role's makes what belongs to it for that role.
List *hand_over(List *commands, Oid parent, const char *kind, const char *name);

// The parent was given to another owner, who gets what belongs to it. InvalidOid: there is nothing.
void give_to_owner_of(Oid parent, Oid relation);

//   CREATE CONSTRAINT TRIGGER "~ratchet_spilled" AFTER INSERT OR UPDATE OR DELETE ON schema.table FROM schema.parent
//   NOT DEFERRABLE FOR EACH ROW EXECUTE FUNCTION ratchet.keep_spilled()
List *tie(List *commands, Oid parent, const char *name, const char *trigger, const char *function);

}  // namespace ratchet
