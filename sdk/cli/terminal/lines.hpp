// Texts that are shown on one line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ratchet::cli {

// What a timeline shows of a statement or an answer, in bytes.
constexpr std::size_t shown_length = 150;

// At most that many bytes from the beginning, and no part of a character of UTF-8.
std::string_view cut(std::string_view text, std::size_t length);

// All of it on one line, with a mark where it was cut to that length.
std::string on_one_line(std::string_view text, std::size_t length = shown_length);

std::string first_line(std::string_view text);

// The last one that is not empty.
std::string last_line(std::string_view text);

}  // namespace ratchet::cli
