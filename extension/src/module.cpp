// module.cpp: loading the library.
#include "pg/pg.h"

extern "C" {
#include "utils/guc.h"
}

#include "contract/kept_notice.h"
#include "contract/statement.h"
#include "contract/trigger_cache.h"
#include "declare/follow.h"
#include "guard/guard_trigger.h"
#include "guard/suspend.h"
#include "pg/fence.h"
#include "tally/locked_row.h"
#include "tally/pending.h"
#include "tally/tally.h"
#include "tally/truncate_trigger.h"

extern "C" {
RATCHET_MODULE_MAGIC("ratchet");
PGDLLEXPORT void _PG_init(void);
}

namespace {

void start() {
  // Transaction callbacks run last registered first: contracts give up their statements before plans are freed.
  ratchet::init_statements();
  ratchet::init_cache();
  ratchet::init_notes();
  ratchet::init_locked_row();
  ratchet::init_moves();
  ratchet::init_suspensions();
  ratchet::init_tallies();
  ratchet::init_following();
  ratchet::init_pending();
  ratchet::init_truncate();
  MarkGUCPrefixReserved("ratchet");
}

}  // namespace

void _PG_init() { ratchet::fence<start>::call(); }

RATCHET_FUNCTION(ratchet_version) { PG_RETURN_TEXT_P(cstring_to_text(RATCHET_VERSION)); }
