// pg/primary_key_text.h: a row's primary key in SQL, as the verbs take it.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/relcache.h"
}

namespace ratchet {

// Attribute numbers of the primary key's columns, in their order in the table; NIL: it has none.
List *key_attnums(Relation relation);

// An expression of type text: the value of a single-column primary key, or an
// object of its columns; NULL where the relation has none. alias: of the relation in the statement.
const char *key_text(Relation relation, const char *alias);

// Pins the settings that a key's text depends on, so that a verb reads it as the value that it was. Returns the level
// for AtEOXact_GUC().
int pin_key_text();

// A column's text form by its type's own output function; NULL for NULL. Never a cast: whoever owns the type may have
// declared one with a function of his own, which would run as whoever looks.
const char *column_text(const char *alias, const char *column);

// A column as an argument of jsonb_build_object(), without the casts to json that types of users may have.
const char *column_for_json(Relation relation, const char *alias, const char *column);

// Whether the column has one of these values, as its type compares them:
//   t."status" OPERATOR(pg_catalog.=) ANY (ARRAY['a', 'b']::type[])
const char *is_among(Relation relation, const char *alias, const char *column, List *values);

// The columns of the primary key as a list to order by.
const char *key_order(Relation relation, const char *alias);

}  // namespace ratchet
