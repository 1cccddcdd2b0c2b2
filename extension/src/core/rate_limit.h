// core/rate_limit.h: how often an actor may submit: '10 per minute', '100 per 15 minutes'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ratchet::core {

struct RateLimit {
  std::int64_t calls = 0;    // at once, and then as they come back, evenly over the period; 0: there is no limit
  std::int64_t seconds = 0;  // the period
};

// Throws 22023.
RateLimit parse_rate_limit(std::string_view text);

// In canonical form; empty: there is none.
std::string text_of(const RateLimit &limit);

// Whether `after` lets through what `before` does not.
bool allows_more(const RateLimit &before, const RateLimit &after);

}  // namespace ratchet::core
