// settings.h: settings that decide what a text means.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/guc.h"
}

namespace ratchet {

// Sets a setting until the nest level ends. An error leaves that to the
// (sub)transaction's abort.
inline void set_local(const char *name, const char *value) {
  set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

// A search_path into which nobody but a superuser can put anything that would
// be found first. pg_temp is named, because otherwise it comes before all
// others for tables and types.
inline void pin_search_path() { set_local("search_path", "pg_catalog, pg_temp"); }

}  // namespace ratchet
