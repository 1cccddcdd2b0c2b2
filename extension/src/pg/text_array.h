// pg/text_array.h: a text[] of names.
#pragma once

#include "pg/pg.h"

namespace ratchet {

// names: char *; an empty array when there are none.
Datum text_array(const List *names);

}  // namespace ratchet
