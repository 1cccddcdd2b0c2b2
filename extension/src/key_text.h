// key_text.h: a row's primary key in SQL, as the verbs take it.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/relcache.h"
}

namespace ratchet {

// An expression of type text: the value of a single-column primary key, or an
// object of its columns; NULL where the relation has none. alias: of the relation in the statement.
const char *key_text(Relation relation, const char *alias);

// The columns of the primary key as a list to order by.
const char *key_order(Relation relation, const char *alias);

}  // namespace ratchet
