#include <gtest/gtest.h>

#include <random>

#include "backoff.hpp"

namespace {

using namespace std::chrono_literals;
using ratchet::detail::jittered;

TEST(backoff, waits_longer_each_time_up_to_half_a_second) {
  std::mt19937 random{7};
  for (int n = 0; n < 100; ++n) {
    for (const auto &[attempt, longest] : {std::pair{1, 8ms}, {2, 16ms}, {5, 128ms}, {7, 512ms}, {1000, 512ms}}) {
      const auto wait = jittered(attempt, random);
      EXPECT_GE(wait, longest / 2);
      EXPECT_LE(wait, longest);
    }
  }
}

TEST(backoff, those_who_met_do_not_wait_equally_long) {
  std::mt19937 one{1};
  std::mt19937 other{2};
  EXPECT_NE(jittered(7, one), jittered(7, other));
}

}  // namespace
