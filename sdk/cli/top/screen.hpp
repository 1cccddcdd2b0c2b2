// The screen of `pg_ratchet top`, as text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "terminal/styled_line.hpp"
#include "top/interface.hpp"
#include "top/sample.hpp"

namespace ratchet::cli::top {

struct picture {
  std::vector<styled_line> lines;
  std::size_t columns;  // of the table
  std::size_t page;     // its lines that fit
};

// Exactly `rows` lines of `width` columns. message: what is wrong with the connection, empty if nothing is. Corrects
// now.first where it is beyond the end.
picture draw(const std::optional<sample> &before, const sample &seen, choices &now, const std::string &message,
             std::size_t width, std::size_t rows);

// Before anything was read.
picture draw_waiting(const std::string &message, std::size_t width, std::size_t rows);

// The same for who prints it once: as many lines as it takes, without keys.
std::vector<styled_line> draw_once(const sample &seen, const choices &now, std::size_t width);

}  // namespace ratchet::cli::top
