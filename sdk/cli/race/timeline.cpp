#include "race/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace ratchet::cli {

std::vector<event> in_order(std::vector<event> events, std::string who, std::string left) {
  std::stable_sort(events.begin(), events.end(), [](const auto &a, const auto &b) { return a.ms < b.ms; });
  const double end = events.empty() ? 0 : events.back().ms;
  events.push_back({end, std::move(who), std::move(left), act::left});
  return events;
}

namespace {

// Which events are shown, of more than a screen has room for.
std::vector<bool> chosen(const std::vector<event> &events) {
  constexpr std::size_t room = 16;
  std::vector<bool> shown(events.size(), events.size() <= room);
  if (events.size() <= room) return shown;
  std::size_t count = 0;
  const auto show = [&](std::size_t i) {
    if (!shown[i]) ++count;
    shown[i] = true;
  };
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].in_loss == part::none) continue;
    show(i);
    // What it had read, which by then was old.
    for (std::size_t j = i; events[i].in_loss != part::undone && j-- > 0;) {
      if (events[j].who != events[i].who || events[j].kind != act::read) continue;
      show(j);
      break;
    }
  }
  for (std::size_t i = events.size(); i-- > 0 && count < room;) show(i);
  return shown;
}

}  // namespace

void append_excerpt(std::string &text, const std::vector<event> &events) {
  const auto shown = chosen(events);
  text += '\n';
  std::size_t left_out = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (!shown[i]) {
      ++left_out;
      continue;
    }
    if (left_out > 0)
      fmt::format_to(std::back_inserter(text), "{:>12}  ... {} event{} left out\n", "", left_out,
                     left_out == 1 ? "" : "s");
    left_out = 0;
    fmt::format_to(std::back_inserter(text), "{:>9.2f} ms  {:<11} {}\n", events[i].ms, events[i].who, events[i].what);
  }
}

nlohmann::json as_json(const std::vector<event> &events) {
  auto list = nlohmann::json::array();
  for (const auto &e : events) list.push_back({{"ms", e.ms}, {"who", e.who}, {"what", e.what}});
  return list;
}

}  // namespace ratchet::cli
