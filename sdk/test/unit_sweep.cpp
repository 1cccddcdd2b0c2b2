// What `pg_ratchet sweep` reads from its arguments, and how it tells an age.
#include <gtest/gtest.h>

#include "command/sweep.hpp"

namespace ratchet::cli {
namespace {

using namespace std::chrono_literals;

TEST(sweep, age_is_told_in_its_two_largest_units) {
  EXPECT_EQ(age_text(0s), "0 s");
  EXPECT_EQ(age_text(-5s), "0 s");
  EXPECT_EQ(age_text(999ms), "0 s");
  EXPECT_EQ(age_text(59s), "59 s");
  EXPECT_EQ(age_text(60s), "1 min");
  EXPECT_EQ(age_text(61s), "1 min 1 s");
  EXPECT_EQ(age_text(1h + 1s), "1 h");
  EXPECT_EQ(age_text(2h + 5min + 7s), "2 h 5 min");
  EXPECT_EQ(age_text(24h * 40 + 3h + 59min), "40 d 3 h");
}

TEST(sweep, assignment_is_split_at_its_first_sign) {
  using parts = std::pair<std::string, std::string>;
  EXPECT_EQ(assignment_of("note=a=b"), (parts{"note", "a=b"}));
  EXPECT_EQ(assignment_of("note="), (parts{"note", ""}));
  EXPECT_FALSE(assignment_of("note"));
  EXPECT_FALSE(assignment_of("=x"));
  EXPECT_FALSE(assignment_of(""));
}

}  // namespace
}  // namespace ratchet::cli
