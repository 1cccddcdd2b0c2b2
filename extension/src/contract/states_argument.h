// contract/states_argument.h: the states argument of ratchet.guard().
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/jsonb.h"
}

namespace ratchet {

// {"column": {"state": ["next", ...], ...}, ...} as trigger arguments: state=column, from=state, to=next, ...
// Errors: 22023 for any other shape.
const char **graph_arguments(const Jsonb *states, int *count);

}  // namespace ratchet
