// pg/log_text.h: what callers have chosen, in lines of the server log that others rely on.
//
// A quotation mark or a line break in it must not end the field that it is in, or the line.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/json.h"
}

namespace ratchet {

// As a JSON string, quotation marks included.
inline const char *quoted_for_log(const char *text) {
  StringInfoData out;
  initStringInfo(&out);
  escape_json(&out, text);
  return out.data;
}

// The same where it is not a plain word.
inline const char *word_for_log(const char *text) {
  const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  return *text != '\0' && text[strspn(text, plain)] == '\0' ? text : quoted_for_log(text);
}

inline const char *relation_for_log(const char *schema, const char *name) {
  return quoted_for_log(psprintf("%s.%s", schema, name));
}

}  // namespace ratchet
