// How long to wait before an attempt is made again.
#pragma once

#include <chrono>
#include <functional>
#include <random>
#include <ratchet/client.hpp>

namespace ratchet::detail {

// Equal jitter: half of a time that doubles with each attempt, from 8 to 512 ms, and a random part of the other half.
// Those who met once do not meet again, and the first wait is short, because most races are over by then.
template <typename Random>
std::chrono::milliseconds jittered(int attempt, Random &random) {
  constexpr int shortest = 8;
  constexpr int doublings = 6;
  const int half = shortest << (attempt - 1 < doublings ? attempt - 1 : doublings) >> 1;
  return std::chrono::milliseconds{half + std::uniform_int_distribution<int>{0, half}(random)};
}

// The attempts of one call.
class attempts {
 public:
  explicit attempts(const retry_options &options) : options_(options) {}

  // After a failed attempt: waits, if there is time for another one, and answers true. Otherwise answers false.
  bool again(const error &cause);

 private:
  const retry_options &options_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  int attempt_ = 1;  // the one that is under way
};

}  // namespace ratchet::detail
