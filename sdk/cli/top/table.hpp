// A table of which a screen shows as much as it has room for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "terminal/styled_line.hpp"

namespace ratchet::cli::top {

// From this rank on, a column is shown only where texts that stretch have all the room that they want.
constexpr int detail = 10;

struct column {
  std::string title;
  std::size_t width;       // at least
  int rank = 0;            // where there is no room for all, those of the highest rank are left out first
  bool number = false;     // at the right, and sorted from the largest, not from the first letter
  bool stretches = false;  // takes what room is left, and less than its width where its texts are shorter
};

struct cell {
  std::string text;
  double weight = 0;  // what a number is sorted by
  style look = style::plain;
};

using line = std::vector<cell>;

struct table {
  std::vector<column> columns;
  std::vector<line> lines;
  std::string if_empty;  // what is said where there is no line
};

// Sorts by one column, reversed on request; what is equal keeps its order.
void sort_by(table &what, std::size_t column, bool reversed);

// Leaves the lines of which a text contains this, in whatever case of ASCII.
void keep_matching(table &what, std::string_view text);

// The columns of a table that fit a width, and how wide each is.
struct fitted_column {
  std::size_t index;
  std::size_t width;
};
std::vector<fitted_column> fit(const table &what, std::size_t width);

// The titles, that of the sorted column marked.
styled_line title_line(const table &what, const std::vector<fitted_column> &columns, std::size_t sorted, bool reversed);
styled_line line_of(const table &what, const line &which, const std::vector<fitted_column> &columns);

}  // namespace ratchet::cli::top
