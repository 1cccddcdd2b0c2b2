#include "top/interface.hpp"

#include <algorithm>
#include <string_view>

namespace ratchet::cli::top {

namespace {

using kind = key::kind;
using std::chrono::milliseconds;

void show(choices &now, view which) {
  now.shown = which;
  now.first = 0;
}

request type(choices &now, const key &pressed) {
  auto &typed = *now.typed;
  if (pressed.what == kind::text) {
    typed += pressed.text;
  } else if (pressed.what == kind::backspace) {
    while (!typed.empty() && (static_cast<unsigned char>(typed.back()) & 0xC0) == 0x80) typed.pop_back();
    if (!typed.empty()) typed.pop_back();
  } else if (pressed.what == kind::control && pressed.text == "u") {
    typed.clear();
  } else if (pressed.what == kind::enter || pressed.what == kind::escape) {
    if (pressed.what == kind::enter) now.filter = typed;
    now.typed.reset();
  }
  now.first = 0;
  return request::draw;
}

void scroll(choices &now, std::ptrdiff_t lines) {
  const auto first = static_cast<std::ptrdiff_t>(now.first) + lines;
  now.first = static_cast<std::size_t>(std::max<std::ptrdiff_t>(first, 0));
}

void choose_column(choices &now, std::size_t columns, std::size_t step) {
  auto &order = now.order_of_shown();
  order = {(order.column + step) % columns, false};
  now.first = 0;
}

request press_letter(choices &now, std::string_view letter, std::size_t columns) {
  constexpr milliseconds shortest{250};
  constexpr milliseconds longest{60000};
  const char c = letter.size() == 1 ? letter[0] : '\0';
  switch (c) {
    case 'q':
      return request::quit;
    case '1':
    case '2':
    case '3':
    case '4':
      show(now, static_cast<view>(c - '1'));
      break;
    case 's':
    case '>':
      choose_column(now, columns, 1);
      break;
    case 'S':
    case '<':
      choose_column(now, columns, columns - 1);
      break;
    case 'r':
      now.order_of_shown().reversed = !now.order_of_shown().reversed;
      break;
    case '/':
      now.typed = now.filter;
      break;
    case 't':
      now.totals = !now.totals;
      break;
    case 'p':
    case ' ':
      now.paused = !now.paused;
      return now.paused ? request::draw : request::read;
    case '+':
      now.interval = std::min(now.interval * 2, longest);
      break;
    case '-':
      now.interval = std::max(now.interval / 2, shortest);
      break;
    case 'h':
    case '?':
      now.help = true;
      break;
    case 'j':
      scroll(now, 1);
      break;
    case 'k':
      scroll(now, -1);
      break;
    default:
      return request::nothing;
  }
  return request::draw;
}

}  // namespace

request press(choices &now, const key &pressed, std::size_t columns, std::size_t page) {
  if (pressed.what == kind::control && pressed.text == "z") return request::suspend;
  if (pressed.what == kind::control && pressed.text == "l") return request::redraw;
  if (now.typed) return type(now, pressed);
  if (now.help) {
    now.help = false;
    return pressed.text == "q" ? request::quit : request::draw;
  }
  const auto lines = static_cast<std::ptrdiff_t>(std::max<std::size_t>(page, 1));
  switch (pressed.what) {
    case kind::text:
      return press_letter(now, pressed.text, columns);
    case kind::control:
      if (pressed.text != "i") return request::nothing;  // the tabulator
      show(now, static_cast<view>((static_cast<std::size_t>(now.shown) + 1) % view_count));
      break;
    case kind::escape:
      now.filter.clear();
      now.first = 0;
      break;
    case kind::enter:
      return request::read;
    case kind::up:
      scroll(now, -1);
      break;
    case kind::down:
      scroll(now, 1);
      break;
    case kind::page_up:
      scroll(now, -lines);
      break;
    case kind::page_down:
      scroll(now, lines);
      break;
    case kind::home:
      now.first = 0;
      break;
    case kind::end:
      now.first = static_cast<std::size_t>(-1) / 4;  // the screen goes back to the last page
      break;
    default:
      return request::nothing;
  }
  return request::draw;
}

}  // namespace ratchet::cli::top
