#include "terminal/cell_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ratchet::cli {

namespace {

struct range {
  char32_t first;
  char32_t last;
};

template <std::size_t n>
bool is_in(const std::array<range, n> &ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const range &r) { return c >= r.first && c <= r.last; });
}

// Shown by nothing, or by what becomes of their neighbours.
constexpr std::array<range, 12> directing{{{0x00, 0x1F},
                                           {0x7F, 0x9F},
                                           {0xAD, 0xAD},
                                           {0x61C, 0x61C},
                                           {0x180B, 0x180F},
                                           {0x200B, 0x200F},
                                           {0x2028, 0x202E},
                                           {0x2060, 0x206F},
                                           {0xFE00, 0xFE0F},
                                           {0xFEFF, 0xFEFF},
                                           {0xFFF9, 0xFFFB},
                                           {0xE0000, 0xE0FFF}}};

// Written over the character before.
constexpr std::array<range, 14> combining{{{0x300, 0x36F},
                                           {0x483, 0x489},
                                           {0x591, 0x5BD},
                                           {0x610, 0x61A},
                                           {0x64B, 0x65F},
                                           {0x6D6, 0x6DC},
                                           {0x93A, 0x93A},
                                           {0x93C, 0x93C},
                                           {0x941, 0x948},
                                           {0xE31, 0xE31},
                                           {0xE34, 0xE3A},
                                           {0x1AB0, 0x1AFF},
                                           {0x20D0, 0x20FF},
                                           {0xFE20, 0xFE2F}}};

// Of two columns: East Asian scripts, and pictures.
constexpr std::array<range, 13> wide{{{0x1100, 0x115F},
                                      {0x2E80, 0x303E},
                                      {0x3041, 0x33FF},
                                      {0x3400, 0x4DBF},
                                      {0x4E00, 0x9FFF},
                                      {0xA000, 0xA4CF},
                                      {0xA960, 0xA97F},
                                      {0xAC00, 0xD7A3},
                                      {0xF900, 0xFAFF},
                                      {0xFE30, 0xFE6F},
                                      {0xFF00, 0xFF60},
                                      {0x1F300, 0x1FAFF},
                                      {0x20000, 0x3FFFD}}};

struct character {
  char32_t code;
  std::size_t bytes;
  bool valid;
};

// The first character of a text that is not empty. A byte that begins none is one by itself.
character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xC2 && lead < 0xE0   ? 2
                            : lead >= 0xE0 && lead < 0xF0 ? 3
                            : lead >= 0xF0 && lead < 0xF5 ? 4
                                                          : 0;
  if (bytes == 0 || text.size() < bytes) return {lead, 1, false};
  char32_t code = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {lead, 1, false};
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  if (code < least[bytes] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {lead, 1, false};
  return {code, bytes, true};
}

std::size_t columns_of(char32_t code) { return is_in(combining, code) ? 0 : is_in(wide, code) ? 2 : 1; }

// As much of the text as fits, and how many columns that takes.
std::pair<std::string_view, std::size_t> fitting(std::string_view text, std::size_t columns) {
  std::size_t taken = 0;
  std::size_t length = 0;
  while (length < text.size()) {
    const auto next = first_of(text.substr(length));
    const auto more = columns_of(next.code);
    if (taken + more > columns) break;
    taken += more;
    length += next.bytes;
  }
  return {text.substr(0, length), taken};
}

// The text cut to the columns, and how many are left.
std::pair<std::string, std::size_t> cut_to(std::string_view text, std::size_t columns) {
  const auto whole = fitting(text, columns);
  if (whole.first.size() == text.size()) return {std::string{text}, columns - whole.second};
  if (columns == 0) return {{}, 0};
  const auto part = fitting(text, columns - 1);
  return {std::string{part.first} + '~', columns - 1 - part.second};
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto next = first_of(text);
    if (!next.valid || (next.code < 0x80 && is_in(directing, next.code))) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned>(next.code));
    } else if (is_in(directing, next.code)) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(next.code));
    } else {
      result += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes);
  }
  return result;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto next = first_of(text);
    columns += columns_of(next.code);
    text.remove_prefix(next.bytes);
  }
  return columns;
}

std::string at_left(std::string_view text, std::size_t columns) {
  auto [cell, left] = cut_to(text, columns);
  return std::move(cell) + std::string(left, ' ');
}

std::string at_right(std::string_view text, std::size_t columns) {
  const auto [cell, left] = cut_to(text, columns);
  return std::string(left, ' ') + cell;
}

}  // namespace ratchet::cli
