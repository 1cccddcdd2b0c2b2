// module.cpp: loading the library.
#include "pg/pg.h"

extern "C" {
#include "utils/guc.h"
}

#include "activity/attempt_log.h"
#include "activity/memory.h"
#include "activity/statistics.h"
#include "contract/kept_notice.h"
#include "contract/trigger_cache.h"
#include "pg/fence.h"
#include "pg/two_phase.h"
#include "tally/fold_worker.h"
#include "transaction.h"

extern "C" {
RATCHET_MODULE_MAGIC("ratchet");
PGDLLEXPORT void _PG_init(void);
}

namespace {

void start() {
  ratchet::init_shared_memory();
  ratchet::init_statistics();
  ratchet::init_cache();
  ratchet::init_attempt_log();
  ratchet::init_notes();
  ratchet::init_transactions();
  ratchet::init_two_phase();
  ratchet::init_fold_worker();
  MarkGUCPrefixReserved("ratchet");
}

}  // namespace

void _PG_init() { ratchet::fence<start>::call(); }

RATCHET_FUNCTION(ratchet_version) { PG_RETURN_TEXT_P(cstring_to_text(RATCHET_VERSION)); }
