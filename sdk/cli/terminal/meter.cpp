#include "terminal/meter.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ratchet::cli {

void meter::add(time now, std::int64_t done) {
  constexpr std::chrono::seconds window{30};
  seen_.emplace_back(now, done);
  while (seen_.size() > 2 && now - seen_[1].first >= window) seen_.pop_front();
}

std::optional<double> meter::rate() const {
  if (seen_.size() < 2 || seen_.back().first == seen_.front().first) return std::nullopt;
  const std::chrono::duration<double> passed = seen_.back().first - seen_.front().first;
  return static_cast<double>(seen_.back().second - seen_.front().second) / passed.count();
}

std::optional<std::chrono::seconds> meter::left(std::int64_t total) const {
  const auto speed = rate();
  if (!speed || *speed <= 0) return std::nullopt;
  const auto missing = std::max<std::int64_t>(total - seen_.back().second, 0);
  const double seconds = static_cast<double>(missing) / *speed;
  constexpr double longest = 1e9;  // nobody waits thirty years, and it fits
  if (seconds > longest) return std::nullopt;
  return std::chrono::seconds{static_cast<std::int64_t>(seconds + 0.5)};
}

std::string duration_text(std::chrono::seconds time) {
  const auto s = time.count();
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m {}s", s / 60, s % 60);
  return fmt::format("{}h {}m", s / 3600, s % 3600 / 60);
}

std::string bar_text(std::int64_t done, std::int64_t total, int width) {
  const double share = total <= 0 ? 0 : std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
  const auto figures = fmt::format("{:3.0f}% {}/{}", std::min(share * 100, done < total ? 99.0 : 100.0), done, total);
  const int room = std::clamp(width - static_cast<int>(figures.size()) - 3, 0, 40);
  if (room < 5) return figures;
  const int filled = static_cast<int>(share * room);
  return fmt::format("[{:=<{}}{: <{}}] {}", "", filled, "", room - filled, figures);
}

}  // namespace ratchet::cli
