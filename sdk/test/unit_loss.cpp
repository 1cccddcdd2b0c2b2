// Which write undid which: found in the events of a round, and told in one sentence.
#include <gtest/gtest.h>

#include <algorithm>

#include "race/loss.hpp"
#include "race/timeline.hpp"

namespace ratchet::cli {
namespace {

event read(double ms, const std::string &who, std::optional<std::int64_t> value = {}) {
  return {ms, who, "read", act::read, value};
}
event wrote(double ms, const std::string &who, std::optional<std::int64_t> value = {}) {
  return {ms, who, "wrote", act::wrote, value};
}

// The numbers of the events that are marked.
std::string marked(const std::vector<event> &events) {
  std::string text;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].in_loss == part::undone) text += "undone " + std::to_string(i) + ";";
    if (events[i].in_loss == part::undoing) text += "undoing " + std::to_string(i) + ";";
  }
  return text;
}

TEST(loss, stale_write_after_the_submission_undid_it) {
  std::vector events{read(1, "saver"), read(2, "submitter"), wrote(3, "submitter"), wrote(4, "saver")};
  EXPECT_EQ(explain_undone(events, "submitter"),
            "submitter wrote at 3.00 ms and was answered success. saver had begun at 1.00 ms, before that, and its "
            "write at 4.00 ms undid it.");
  EXPECT_EQ(marked(events), "undone 2;undoing 3;");
}

TEST(loss, write_of_somebody_who_read_afterwards_undid_nothing) {
  std::vector events{read(1, "saver"), read(2, "submitter"), wrote(3, "submitter"),
                     read(4, "other"), wrote(5, "other"),    wrote(6, "saver")};
  EXPECT_NE(explain_undone(events, "submitter"), "");
  EXPECT_EQ(marked(events), "undone 2;undoing 5;");
}

TEST(loss, answers_may_arrive_in_another_order_than_the_writes) {
  std::vector events{read(1, "saver"), wrote(2.9, "saver"), wrote(3, "submitter")};
  EXPECT_NE(explain_undone(events, "submitter"), "");
  EXPECT_EQ(marked(events), "undoing 1;undone 2;");
}

TEST(loss, nothing_is_told_that_cannot_be_seen) {
  std::vector<event> nobody{read(1, "saver"), wrote(2, "saver")};
  EXPECT_EQ(explain_undone(nobody, "submitter"), "");
  std::vector<event> alone{wrote(3, "submitter")};
  EXPECT_EQ(explain_undone(alone, "submitter"), "");
  std::vector<event> growing{wrote(1, "a", 10), wrote(2, "b", 20)};
  EXPECT_EQ(explain_setback(growing), "");
  EXPECT_EQ(marked(nobody) + marked(alone) + marked(growing), "");
}

TEST(loss, lower_value_is_a_setback) {
  std::vector events{read(1, "b", 0), wrote(2, "a", 10), wrote(3, "a", 10), wrote(4, "c", 20), wrote(5, "b", 10)};
  EXPECT_EQ(explain_setback(events),
            "c wrote at 4.00 ms (20) and was answered success. b had begun at 1.00 ms, before that, and its write at "
            "5.00 ms (10) undid it.");
  EXPECT_EQ(marked(events), "undone 3;undoing 4;");
}

TEST(loss, what_several_did_once_is_told) {
  event first = wrote(3, "a", 20), second = wrote(4, "b", 20);
  first.what = second.what = "completed the run";
  first.kind = second.kind = act::note;
  auto counted = read(1, "a", 20);
  counted.what = "counted 20 results";
  std::vector events{counted, first, second};
  EXPECT_EQ(explain_repetition(events, "completed the run"),
            "a completed the run at 3.00 ms, as at 1.00 ms it had counted 20 results. b completed the run at 4.00 ms. "
            "Neither could see that the other would.");
  EXPECT_EQ(events[1].in_loss, part::repeated);
  EXPECT_EQ(events[2].in_loss, part::repeated);
  events.pop_back();
  EXPECT_EQ(explain_repetition(events, "completed the run"), "");
  EXPECT_EQ(events[1].in_loss, part::none);
}

TEST(loss, excerpt_has_what_the_sentence_is_about) {
  std::vector events{read(1, "b", 0), wrote(2, "a", 10), wrote(3, "b", 5)};
  for (int i = 4; i < 60; ++i) events.push_back(wrote(i, "c", i));
  ASSERT_NE(explain_setback(events), "");
  std::string text;
  append_excerpt(text, events);
  for (const char *shown : {"1.00 ms  b", "2.00 ms  a", "3.00 ms  b", "59.00 ms  c", "... 43 events left out"})
    EXPECT_NE(text.find(shown), std::string::npos) << shown << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 18);
  text.clear();
  events.resize(16);
  append_excerpt(text, events);
  EXPECT_EQ(text.find("left out"), std::string::npos) << text;
}

TEST(loss, same_value_of_somebody_else_is_one_where_nothing_is_lower) {
  std::vector events{read(1, "a", 0), read(1, "b", 0), wrote(2, "a", 10), wrote(3, "b", 10)};
  EXPECT_NE(explain_setback(events), "");
  EXPECT_EQ(marked(events), "undone 2;undoing 3;");
}

}  // namespace
}  // namespace ratchet::cli
