// What a race tells, as a page for a browser.
#pragma once

#include <string>

#include "report/story.hpp"

namespace ratchet::cli {

// A page of HTML that needs nothing but itself: no script, no font, no picture from elsewhere. It is well-formed XML,
// too. Light or dark as the reader prefers.
std::string as_page(const story &told);

// Writes a file in one piece: it is either there as a whole or not changed. Throws std::system_error.
void write_file(const std::string &path, const std::string &content);

}  // namespace ratchet::cli
