// What a race tells, as a page for a browser.
#pragma once

#include <string>

#include "report/story.hpp"

namespace ratchet::cli {

// A page of HTML that needs nothing but itself: no script, no font, no picture from elsewhere. It is well-formed XML,
// too. Light or dark as the reader prefers.
std::string as_page(const story &told);

// Says beforehand whether write_file() could: makes its file, and takes it away again. Throws std::system_error.
void check_writable(const std::string &path);

// Writes a file in one piece: it is either there as a whole or not changed. Throws std::system_error.
void write_file(const std::string &path, const std::string &content);

}  // namespace ratchet::cli
