// transaction.h: what happens when executor runs, transactions and subtransactions end.
#pragma once

#include "pg/pg.h"

namespace ratchet {

void init_transactions();

}  // namespace ratchet
