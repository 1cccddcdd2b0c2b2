// What the writers of a round did, one after the other.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "race/event.hpp"

namespace ratchet::cli {

// The events of all writers in the order of time, and what they left behind.
std::vector<event> in_order(std::vector<event> events, std::string who, std::string left);

// Appends, to a headline, the events that a loss is made of, what whoever undid something had read before, and as many
// of the last ones, where things go wrong for good, as a screen has room for. Says where others are left out.
void append_excerpt(std::string &text, const std::vector<event> &events);

nlohmann::json as_json(const std::vector<event> &events);

}  // namespace ratchet::cli
