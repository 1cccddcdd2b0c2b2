#include "terminal/lines.hpp"

#include <cctype>

namespace ratchet::cli {

std::string_view cut(std::string_view text, std::size_t length) {
  if (text.size() <= length) return text;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  return text.substr(0, length);
}

std::string on_one_line(std::string_view text, std::size_t length) {
  std::string line;
  for (const char c : text) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!space) line += c;
    if (space && !line.empty() && line.back() != ' ') line += ' ';
  }
  if (line.size() <= length) return line;
  return std::string{cut(line, length)} + " ...";
}

std::string first_line(std::string_view text) { return std::string{text.substr(0, text.find('\n'))}; }

std::string last_line(std::string_view text) {
  const auto last = text.find_last_not_of(" \r\n\t");
  if (last == std::string_view::npos) return {};
  text = text.substr(0, last + 1);
  const auto before = text.rfind('\n');
  return std::string{before == std::string_view::npos ? text : text.substr(before + 1)};
}

}  // namespace ratchet::cli
