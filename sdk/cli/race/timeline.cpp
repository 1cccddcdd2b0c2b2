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

void append_end(std::string &text, const std::vector<event> &events) {
  constexpr std::size_t shown_events = 16;
  const auto left_out = events.size() - std::min(events.size(), shown_events);
  text += left_out == 0 ? "\n" : fmt::format(", after {} earlier events\n", left_out);
  for (auto i = left_out; i < events.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{:>9.2f} ms  {:<11} {}\n", events[i].ms, events[i].who, events[i].what);
  }
}

nlohmann::json as_json(const std::vector<event> &events) {
  auto list = nlohmann::json::array();
  for (const auto &e : events) list.push_back({{"ms", e.ms}, {"who", e.who}, {"what", e.what}});
  return list;
}

}  // namespace ratchet::cli
