// How fast something goes, and how it looks. Knows neither clock nor terminal: both are handed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

namespace ratchet::cli {

// The rate of the last half minute.
class meter {
 public:
  using time = std::chrono::steady_clock::time_point;

  void add(time now, std::int64_t done);

  // Per second; none until two times are known.
  std::optional<double> rate() const;

  // Until `total` at this rate; none where that is not known, or never.
  std::optional<std::chrono::seconds> left(std::int64_t total) const;

 private:
  std::deque<std::pair<time, std::int64_t>> seen_;
};

// "45s", "3m 20s", "2h 5m"
std::string duration_text(std::chrono::seconds time);

// "[=====     ] 50% 500/1000"; of that many characters at least, where there is room for a bar.
std::string bar_text(std::int64_t done, std::int64_t total, int width);

}  // namespace ratchet::cli
