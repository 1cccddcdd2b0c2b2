// A line of a screen: what is written, and how it looks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ratchet::cli {

enum class style { plain, dim, bold, title, chosen, warning, alarm };

class styled_line {
 public:
  styled_line() = default;
  explicit styled_line(std::string_view text, style look = style::plain) { add(text, look); }

  // Text that a terminal can take as it is (terminal/cell_text.hpp).
  styled_line &add(std::string_view text, style look = style::plain);

  // Exactly that many columns.
  styled_line &resize(std::size_t columns);

  std::string text() const;

  // With the terminal's sequences for the styles, or without.
  std::string written(bool colors) const;

 private:
  struct part {
    std::string text;
    style look;
  };
  std::vector<part> parts_;
};

}  // namespace ratchet::cli
