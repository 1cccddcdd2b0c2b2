// contract/trigger_shapes.h: what ratchet's triggers look like.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/relcache.h"
}

namespace ratchet {

// Ratchet's triggers must look as guard() makes them, because the guard relies
// on firing last and for every row, and nothing else may have their names.
// Errors: 42R01, 42939.
void check_shapes(Relation relation);

}  // namespace ratchet
