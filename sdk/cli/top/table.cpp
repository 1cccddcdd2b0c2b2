#include "top/table.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "terminal/cell_text.hpp"

namespace ratchet::cli::top {

namespace {

std::string lower(std::string_view text) {
  std::string result{text};
  for (char &c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string placed(std::string_view text, const column &in, std::size_t width) {
  return in.number ? at_right(text, width) : at_left(text, width);
}

}  // namespace

void sort_by(table &what, std::size_t column, bool reversed) {
  const bool number = what.columns[column].number;
  std::stable_sort(what.lines.begin(), what.lines.end(), [&](const line &a, const line &b) {
    const auto &x = reversed ? b[column] : a[column];
    const auto &y = reversed ? a[column] : b[column];
    return number ? x.weight > y.weight : x.text < y.text;
  });
}

void keep_matching(table &what, std::string_view text) {
  const auto looked_for = lower(text);
  const auto matches = [&](const line &one) {
    return std::any_of(one.begin(), one.end(),
                       [&](const cell &cell) { return lower(cell.text).find(looked_for) != std::string::npos; });
  };
  what.lines.erase(std::remove_if(what.lines.begin(), what.lines.end(), [&](const line &one) { return !matches(one); }),
                   what.lines.end());
}

std::vector<fitted_column> fit(const table &what, std::size_t width) {
  std::vector<std::size_t> by_rank(what.columns.size());
  std::iota(by_rank.begin(), by_rank.end(), 0);
  std::stable_sort(by_rank.begin(), by_rank.end(),
                   [&](std::size_t a, std::size_t b) { return what.columns[a].rank < what.columns[b].rank; });
  std::vector<fitted_column> fitted;
  std::size_t taken = 0;

  std::vector<std::size_t> wanted;
  for (const auto &one : what.columns) wanted.push_back(one.title.size() + 1);
  for (const auto &one : what.lines) {
    for (std::size_t i = 0; i < one.size(); ++i) wanted[i] = std::max(wanted[i], columns_of(one[i].text));
  }
  // What is left goes to the columns that stretch, as far as their texts need it, in turn.
  const auto stretch = [&] {
    for (bool any = true; any && taken < width;) {
      any = false;
      for (auto &one : fitted) {
        if (!what.columns[one.index].stretches || one.width >= wanted[one.index] || taken >= width) continue;
        ++one.width;
        ++taken;
        any = true;
      }
    }
  };

  for (const auto index : by_rank) {
    // Whole names are worth more than a detail.
    if (what.columns[index].rank >= detail) stretch();
    const auto &column = what.columns[index];
    const auto least = column.stretches ? std::min(column.width, wanted[index]) : column.width;
    const auto more = least + (fitted.empty() ? 0 : 1);
    if (taken + more > width) {
      if (!fitted.empty()) break;
      return {{index, width}};
    }
    fitted.push_back({index, least});
    taken += more;
  }
  stretch();
  std::sort(fitted.begin(), fitted.end(), [](const auto &a, const auto &b) { return a.index < b.index; });
  return fitted;
}

styled_line title_line(const table &what, const std::vector<fitted_column> &columns, std::size_t sorted,
                       bool reversed) {
  styled_line result;
  for (const auto &one : columns) {
    if (&one != &columns.front()) result.add(" ", style::title);
    const auto &column = what.columns[one.index];
    const bool chosen = one.index == sorted;
    const auto title = chosen ? column.title + (column.number != reversed ? "v" : "^") : column.title;
    result.add(placed(title, column, one.width), chosen ? style::chosen : style::title);
  }
  return result;
}

styled_line line_of(const table &what, const line &which, const std::vector<fitted_column> &columns) {
  styled_line result;
  for (const auto &one : columns) {
    if (&one != &columns.front()) result.add(" ");
    const auto &cell = which[one.index];
    result.add(placed(cell.text, what.columns[one.index], one.width), cell.look);
  }
  return result;
}

}  // namespace ratchet::cli::top
