// What the writers of a round did, one after the other.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race/event.hpp"

namespace ratchet::cli {

// The events of all writers in the order of time, and what they left behind.
std::vector<event> in_order(std::vector<event> events, std::string who, std::string left);

// Appends, to a headline, how many events are left out, and the last ones, where things go wrong for good.
void append_end(std::string &text, const std::vector<event> &events);

nlohmann::json as_json(const std::vector<event> &events);

}  // namespace ratchet::cli
