// guard/allows_direct.h: tables whose gates can be closed without the executor.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/relcache.h"
}

namespace ratchet {

// Whether nothing of the executor is needed there, see verb/direct_submit.h. Part of the contract, because any DDL
// that changes it invalidates the contract.
bool allows_direct(Relation relation);

}  // namespace ratchet
