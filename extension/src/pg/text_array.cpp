#include "pg/text_array.h"

extern "C" {
#include "utils/array.h"
}

#include "pg/list.h"
#include "pg/memory.h"

namespace ratchet {

Datum text_array(const List *names) {
  auto *elements = palloc_array<Datum>(list_length(names));
  int count = 0;
  for (const auto *name : each<char>(names)) elements[count++] = CStringGetTextDatum(name);
  return PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

}  // namespace ratchet
