// What somebody has chosen to see, and the keys by which that is done.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "terminal/key.hpp"
#include "top/views.hpp"

namespace ratchet::cli::top {

struct choices {
  view shown = view::contracts;
  struct order {
    std::size_t column;
    bool reversed = false;
  };
  std::array<order, view_count> orders{{{first_sorted(view::contracts)},
                                        {first_sorted(view::runs)},
                                        {first_sorted(view::stuck)},
                                        {first_sorted(view::stale)}}};
  std::string filter;
  std::optional<std::string> typed;  // the filter that is being written
  bool totals = false;
  bool paused = false;
  bool help = false;
  std::size_t first = 0;  // line of the table on top
  std::chrono::milliseconds interval{2000};

  order &order_of_shown() { return orders[static_cast<std::size_t>(shown)]; }
  const order &order_of_shown() const { return orders[static_cast<std::size_t>(shown)]; }
};

enum class request { nothing, draw, redraw, read, suspend, quit };

// columns: how many the table that is shown has; page: how many of its lines.
request press(choices &now, const key &pressed, std::size_t columns, std::size_t page);

}  // namespace ratchet::cli::top
