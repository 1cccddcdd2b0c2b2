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

// Whether ~ratchet_completion fires for each change of what it watches. That of 0.1.0 does not for what is complete no
// more, so that what a transaction undoes and makes true again is told of a second time.
bool sees_each_change(const Trigger &completion);

}  // namespace ratchet
