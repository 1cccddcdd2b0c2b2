// contract/stored_trigger.h: ratchet's triggers as pg_trigger has them, and what they depend on.
//
// Read and written without opening their tables, so without a lock on any: for DDL on something that a contract names,
// whose table the command does not touch.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "catalog/objectaddress.h"
}

#include "contract/trigger_cache.h"

namespace ratchet {

struct StoredTrigger {
  Oid oid;
  TriggerKind kind;
  Oid relation;
  Oid parent;  // the trigger it is a clone of; InvalidOid: none
  const char *name;
  char **arguments;
  int narguments;
};

// A trigger; nullptr: there is none, or it is none of ratchet's.
const StoredTrigger *stored_trigger(Oid trigger);

// The value of an argument `name=value`; nullptr: it has another name.
const char *value_of(const char *argument, const char *name);

// The expression in an argument of such a trigger: what a child counts, or what completes a parent; nullptr: none.
const char *expression_in(const StoredTrigger *trigger, const char *argument);

// All of ratchet's triggers of a table (StoredTrigger *).
List *stored_triggers(Oid relation);

// The table of any trigger; InvalidOid: it is gone.
Oid find_table_of_trigger(Oid trigger);

// The table that a constraint trigger has named by FROM which this transaction has dropped; InvalidOid: none.
Oid find_reference_of_dropped(Oid trigger);

// Whether the table has a trigger of ratchet's, or one that has a name like them.
bool concerns(Oid relation);

// Gives a trigger and its clones other arguments.
void store_arguments(const StoredTrigger *trigger, const char *const *arguments, int narguments);

// What depends on an object, and on what goes by its name: the members of a schema or an extension, a table's row
// type, a type's array.
struct Dependents {
  List *triggers;   // OIDs of triggers, whosoever they are
  List *relations;  // OIDs of tables that have a column of the type, or are tables of it
};
Dependents find_dependents(const ObjectAddress &object);

// The functions that a trigger has a recorded dependency on. A list of OIDs.
List *find_functions(Oid trigger);

// Takes away a trigger's recorded dependency on foreign keys that have one of these columns of the table.
void forget_references(Oid trigger, Oid relation, const Bitmapset *columns);

// The tables (OIDs) with foreign keys to a table.
List *referencing_tables(Oid relation);

// Whether a foreign key over exactly these columns leads from one table to another.
bool refers(Oid child, const char *const *via, int nvia, Oid parent);

// The owner of a table; InvalidOid: it is gone.
Oid find_owner_of_relation(Oid relation);

// The same of a relation that must be there.
Oid require_owner(Oid relation);

// Whether this transaction has a lock on the table.
bool is_locked(Oid relation);

}  // namespace ratchet
