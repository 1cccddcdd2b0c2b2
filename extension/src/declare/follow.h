// declare/follow.h: contracts follow what they name when it is renamed or moved.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "commands/event_trigger.h"
#include "nodes/parsenodes.h"
}

namespace ratchet {

// The memory goes with the transaction.
void forget_names();

// Before a command: remembers, for the transaction at most, what the contracts mean that name what the command will
// rename or move, and lets go of foreign keys that it will build anew. Raises nothing of its own.
void remember_names(const EventTriggerData *event);

// After it: writes the contracts that were remembered with the names as they are now. Raises nothing of its own.
void follow_names(const EventTriggerData *event);

// A renamed column of a table: in its own contracts, in those of inheritance children, and in the tallies of its
// children.
void follow_column_rename(const RenameStmt *rename);

// What a command names, where it renames, moves or takes rights away (ObjectAddress *).
List *named_objects(Node *command);

}  // namespace ratchet
