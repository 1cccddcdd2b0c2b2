// contract/report_row.h: reports of what a contract made of a row that a trigger was called for.
#pragma once

#include "pg/pg.h"

#include "activity/report.h"
#include "contract/guarded_column.h"
#include "contract/values.h"

namespace ratchet {

// A row's key as text: the value of the primary key, where that is this one column. Of any other key, which may have
// the value that is another row's primary key, and of several columns, an object, as the verbs take it, in the order of
// names. nullptr: there is none.
const char *text_of_key(const Fields &key, AttrNumber primary_key);

// The same of the row that the trigger was called for, as it was before.
const char *key_of_row(const TriggerData *trigger);

// Names of the columns at these places, each once: a column that two policies guard is one.
List *names_at(const GuardedColumn *guarded, const Bitmapset *places);

// columns: names, char *. sqlstate: of the error that is raised next; 0: none is.
void report_row(const Tracked &tracked, Event event, const List *columns, const TriggerData *trigger, int sqlstate = 0);
void report_row(const Tracked &tracked, Event event, const GuardedColumn *guarded, const Bitmapset *places,
                const TriggerData *trigger, int sqlstate = 0);

}  // namespace ratchet
