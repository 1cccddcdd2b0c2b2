#include "terminal/styled_line.hpp"

#include "terminal/cell_text.hpp"

namespace ratchet::cli {

namespace {

const char *sequence_of(style look) {
  switch (look) {
    case style::plain:
      return "";
    case style::dim:
      return "\033[2m";
    case style::bold:
      return "\033[1m";
    case style::title:
      return "\033[7m";
    case style::chosen:
      return "\033[1;7m";
    case style::warning:
      return "\033[33m";
    case style::alarm:
      return "\033[1;31m";
  }
  return "";
}

}  // namespace

styled_line &styled_line::add(std::string_view text, style look) {
  parts_.push_back({std::string{text}, look});
  return *this;
}

styled_line &styled_line::resize(std::size_t columns) {
  std::size_t taken = 0;
  for (auto part = parts_.begin(); part != parts_.end(); ++part) {
    const auto more = columns_of(part->text);
    if (taken + more > columns) {
      part->text = at_left(part->text, columns - taken);
      parts_.erase(part + 1, parts_.end());
      return *this;
    }
    taken += more;
  }
  if (taken < columns) add(std::string(columns - taken, ' '), parts_.empty() ? style::plain : parts_.back().look);
  return *this;
}

std::string styled_line::text() const {
  std::string all;
  for (const auto &part : parts_) all += part.text;
  return all;
}

std::string styled_line::written(bool colors) const {
  if (!colors) return text();
  std::string all;
  for (const auto &part : parts_) {
    all += part.look == style::plain ? part.text : sequence_of(part.look) + part.text + "\033[0m";
  }
  return all;
}

}  // namespace ratchet::cli
