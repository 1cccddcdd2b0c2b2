// declare/tally_triggers.h: writing tallies as triggers.
//
// The caller has checked everything and holds SHARE ROW EXCLUSIVE or more on
// the relations.
#pragma once

#include "pg/pg.h"

#include "contract/ddl_support.h"
#include "tally/tally.h"

namespace ratchet {

// The tally of a child over these columns, in any order; nullptr: there is none.
const Trigger *find_child_trigger(Relation child, const char *const *via, int nvia);

// The tallies of a child whose foreign key leads to this parent, or (where the
// key is gone) whose counters the parent keeps. A list of ChildTerms *.
List *tallies_between(Relation child, Relation parent);

// Whether the parent's part has all counters of a tally.
bool is_kept(const ParentTerms *kept, const ChildTerms *source);

// Creates, replaces or (nullptr) drops the child's trigger of a tally and what
// goes with it. name: of its trigger; nullptr: a new one, or none that could be dropped.
void write_child_triggers(Oid child, const ChildTerms *source, const char *name, Switches switches);

// The part of what a parent keeps that its children count: `kept` itself when that is all of it, nullptr when it is
// none.
const ParentTerms *counted_part(Relation parent, const ParentTerms *kept);

// Whether a table has triggers of a tally whose own trigger is gone.
bool has_remnants(Relation child);

// Creates, replaces or (nullptr) drops the parent's triggers.
void write_parent_triggers(Oid parent, const ParentTerms *kept, Switches switches);

// Every table that has a trigger of this kind of its own, partitions left out.
List *tables_with(TriggerKind kind);

// Creates the TRUNCATE triggers on a partition or a shard of a counted table, or drops them
// where the table is counted no more: statement triggers are not cloned, and Citus leaves these to the table.
void follow_partition(Oid relid);

// Whether every trigger of the child's side, and of the parent's, is there and enabled, on partitions too.
bool is_whole_child(Oid child, const ChildTerms *source);
bool is_whole_parent(Oid parent, const ParentTerms *kept);

// Makes the triggers of a table depend on what they cannot do without: the
// foreign key, the on_done functions, what expressions name. pg_dump then writes them in that order,
// and DROP without CASCADE is refused.
void write_dependencies(Oid relid);

// Whether any of these is not recorded, as after pg_upgrade, which takes no such dependency along and runs no event
// trigger.
bool lacks_dependencies(Relation relation);

}  // namespace ratchet
