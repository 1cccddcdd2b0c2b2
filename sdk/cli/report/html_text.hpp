// Text of others inside HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace ratchet::cli {

// The text as content or attribute value of HTML and of XML: markup is escaped, and what no UTF-8 text may contain is
// replaced by U+FFFD.
std::string escaped(std::string_view text);

}  // namespace ratchet::cli
