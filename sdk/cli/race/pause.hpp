// Waiting that Ctrl-C ends.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "race/settings.hpp"

namespace ratchet::cli {

// Sleeps. Throws `interrupted` soon after `stop` was set.
inline void pause_for(std::chrono::microseconds time, const std::atomic<bool> &stop) {
  using clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds slice{20000};
  const auto end = clock::now() + time;
  for (;;) {
    if (stop) throw interrupted{};
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(end - clock::now());
    if (left.count() <= 0) return;
    std::this_thread::sleep_for(std::min(left, slice));
  }
}

}  // namespace ratchet::cli
