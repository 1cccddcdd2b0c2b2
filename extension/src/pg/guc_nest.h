// pg/guc_nest.h: settings that decide what a text means.
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

// The same for all that decides how an expression's text is written. What it was written under it must be read under.
inline void pin_text_settings() {
  pin_search_path();
  set_local("datestyle", "ISO");
  set_local("intervalstyle", "postgres");
  set_local("timezone", "UTC");
  set_local("timezone_abbreviations", "Default");
  set_local("extra_float_digits", "3");
  set_local("bytea_output", "hex");
  set_local("xmloption", "content");
  set_local("xmlbinary", "base64");
  set_local("lc_monetary", "C");
  set_local("lc_numeric", "C");
  set_local("quote_all_identifiers", "off");
  set_local("transform_null_equals", "off");
  set_local("array_nulls", "on");
  set_local("standard_conforming_strings", "on");
}

}  // namespace ratchet
