// Texts in cells of a terminal, whatever is in them: names come from a database, and anybody may have chosen them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ratchet::cli {

// With nothing in it that a terminal would obey or that has no width of its own: control characters, those that only
// direct how others are shown (as the order of writing), and what is no UTF-8 are written as \x0a or \u202e.
std::string printable(std::string_view text);

// How many columns a printable text takes.
std::size_t columns_of(std::string_view text);

// Exactly that many columns: filled with spaces, or cut with the mark ~ at its end.
std::string at_left(std::string_view text, std::size_t columns);
std::string at_right(std::string_view text, std::size_t columns);

}  // namespace ratchet::cli
