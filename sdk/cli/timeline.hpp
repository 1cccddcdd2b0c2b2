// What the writers of a round did, one after the other.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race_settings.hpp"

namespace ratchet::cli {

// The events of all writers in the order of time, and what they left behind.
std::vector<event> in_order(std::vector<event> events, std::string who, std::string left);

// Appends the events from number `first` on, a line each.
void append(std::string &text, const std::vector<event> &events, std::size_t first = 0);

// Appends, to a headline, how many events are left out, and the last ones, where things go wrong for good.
void append_end(std::string &text, const std::vector<event> &events);

nlohmann::json as_json(const std::vector<event> &events);

// Appends which schemas are kept, where they are.
template <typename Reports>
void append_kept(std::string &text, const race_settings &settings, const Reports &reports) {
  if (!settings.keep) return;
  text += '\n';
  for (const auto &report : reports) text += "kept: schema " + report.schema + '\n';
}

}  // namespace ratchet::cli
