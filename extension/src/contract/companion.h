// contract/companion.h: a table beside a guarded or counted one, its parent, in which ratchet keeps what belongs to it.
//
// Ratchet makes it, in the parent's schema and of the parent's owner, so that a dump has it with the data, and nothing
// lies in it that its owner could not read before. A constraint trigger ties the two:
//
//   CREATE CONSTRAINT TRIGGER "~ratchet_spilled" AFTER INSERT OR UPDATE OR DELETE ON runs_spilled FROM runs ...
//
// FROM names the parent by its OID, which follows renames, and which a dump writes as the parent's name. The trigger
// also keeps everybody else from writing the table; ratchet itself stores rows without firing triggers.
#pragma once

#include "pg/pg.h"

#include "contract/trigger_cache.h"

namespace ratchet {

// The table whose trigger of this kind names the parent, and that is no shard; InvalidOid: there is none.
Oid find_companion(Oid parent, TriggerKind kind);

// The table that such a trigger of a relation names; InvalidOid: it has none.
Oid find_named_parent(Relation relation, TriggerKind kind);

// The tables that have such a trigger, as far as their owner is this role; InvalidOid: any. A list of OIDs.
List *companions(TriggerKind kind, Oid owner);

}  // namespace ratchet
