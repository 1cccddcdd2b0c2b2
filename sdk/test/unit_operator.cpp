// The arithmetic and the wording of the operator's commands.
#include <gtest/gtest.h>

#include "command/repair.hpp"
#include "command/watch.hpp"
#include "terminal/meter.hpp"

namespace {

using namespace std::chrono_literals;
using namespace ratchet::cli;

const meter::time start{};

TEST(meter, knows_no_rate_from_one_time) {
  meter speed;
  EXPECT_EQ(speed.rate(), std::nullopt);
  speed.add(start, 10);
  EXPECT_EQ(speed.rate(), std::nullopt);
  EXPECT_EQ(speed.left(20), std::nullopt);
}

TEST(meter, tells_rate_and_time_left) {
  meter speed;
  speed.add(start, 100);
  speed.add(start + 10s, 150);
  EXPECT_DOUBLE_EQ(*speed.rate(), 5);
  EXPECT_EQ(speed.left(200), 10s);
  EXPECT_EQ(speed.left(150), 0s);
  EXPECT_EQ(speed.left(100), 0s);
}

TEST(meter, forgets_what_is_older_than_half_a_minute) {
  meter speed;
  speed.add(start, 0);
  for (int s = 10; s <= 100; s += 10) speed.add(start + std::chrono::seconds{s}, 1000 + s);
  EXPECT_DOUBLE_EQ(*speed.rate(), 1);
}

TEST(meter, never_ends_what_stands_still_or_goes_back) {
  meter speed;
  speed.add(start, 100);
  speed.add(start + 1s, 100);
  EXPECT_EQ(speed.left(200), std::nullopt);
  speed.add(start + 2s, 90);
  EXPECT_EQ(speed.left(200), std::nullopt);
}

TEST(meter, durations_have_two_units_at_most) {
  EXPECT_EQ(duration_text(0s), "0s");
  EXPECT_EQ(duration_text(59s), "59s");
  EXPECT_EQ(duration_text(200s), "3m 20s");
  EXPECT_EQ(duration_text(7500s), "2h 5m");
}

TEST(bar, fills_with_what_is_done) {
  EXPECT_EQ(bar_text(0, 10, 30), "[                  ]   0% 0/10");
  EXPECT_EQ(bar_text(5, 10, 30), "[=========         ]  50% 5/10");
  EXPECT_EQ(bar_text(10, 10, 31), "[==================] 100% 10/10");
}

TEST(bar, is_full_only_when_all_is_done_and_never_more) {
  EXPECT_NE(bar_text(999, 1000, 60).find(" 99% 999/1000"), std::string::npos);
  EXPECT_NE(bar_text(12, 10, 60).find("100% 12/10"), std::string::npos);
  EXPECT_NE(bar_text(0, 0, 60).find("  0% 0/0"), std::string::npos);
}

TEST(bar, leaves_the_bar_out_where_there_is_no_room) { EXPECT_EQ(bar_text(5, 10, 12), " 50% 5/10"); }

TEST(repair, reads_how_far_it_is) {
  const auto step = repair_step_of("INFO:  my: runs: 200 of 450 rows looked at, 3 repaired\n");
  ASSERT_TRUE(step);
  EXPECT_EQ(step->table, "my: runs");
  EXPECT_EQ(step->looked_at, 200);
  EXPECT_EQ(step->rows, 450);
  EXPECT_EQ(step->repaired, 3);
}

TEST(repair, takes_other_notices_for_what_they_are) {
  EXPECT_FALSE(repair_step_of("INFO:  runs: nothing to repair\n"));
  EXPECT_FALSE(repair_step_of("NOTICE:  anything"));
  EXPECT_FALSE(repair_step_of(""));
}

TEST(watch, is_complete_when_done_says_so_or_else_the_total_is_reached) {
  EXPECT_TRUE(complete({3, 4, true, {}}));
  EXPECT_FALSE(complete({4, 4, false, {}}));
  EXPECT_TRUE(complete({4, 4, std::nullopt, {}}));
  EXPECT_FALSE(complete({3, 4, std::nullopt, {}}));
  EXPECT_FALSE(complete({0, 0, std::nullopt, {}}));
  EXPECT_FALSE(complete({3, std::nullopt, std::nullopt, {}}));
}

}  // namespace
