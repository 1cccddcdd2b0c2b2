// pg/jsonb_members.h: the members of a JSON object.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/jsonb.h"
}

namespace ratchet {

// Calls take(name, value) for each, in the order in which jsonb has them; an object or array is not gone into.
template <typename Take>
void each_member(JsonbContainer *object, Take &&take) {
  JsonbIterator *iterator = JsonbIteratorInit(object);
  JsonbValue value;
  const char *name = nullptr;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE;) {
    if (token == WJB_KEY) name = pnstrdup(value.val.string.val, value.val.string.len);
    if (token == WJB_VALUE) take(name, value);
  }
}

}  // namespace ratchet
