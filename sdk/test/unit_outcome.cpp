#include <gtest/gtest.h>

#include <ratchet/ratchet.hpp>

namespace {

using ratchet::advance_outcome;
using ratchet::batch_outcome;
using ratchet::beat_outcome;
using ratchet::progress_outcome;
using ratchet::submit_outcome;
using ratchet::update_outcome;

struct submit_case {
  submit_outcome outcome;
  const char *text;
  int status;
  bool success;
};

TEST(outcome, submit_outcomes_have_text_status_and_truth) {
  for (const auto &c : {submit_case{submit_outcome::submitted, "submitted", 201, true},
                        {submit_outcome::replayed, "replayed", 200, true},
                        {submit_outcome::already_submitted, "already_submitted", 409, false},
                        {submit_outcome::key_reused, "key_reused", 422, false},
                        {submit_outcome::conflict, "conflict", 409, false},
                        {submit_outcome::full, "full", 409, false},
                        {submit_outcome::stale, "stale", 412, false},
                        {submit_outcome::not_found, "not_found", 404, false},
                        {submit_outcome::limited, "limited", 429, false},
                        {submit_outcome::unknown, "unknown", 500, false}}) {
    EXPECT_EQ(to_string(c.outcome), c.text);
    EXPECT_EQ(ratchet::submit_outcome_from(c.text), c.outcome);
    ratchet::submit_result result;
    result.outcome = c.outcome;
    EXPECT_EQ(ratchet::http_status(result), c.status) << c.text;
    EXPECT_EQ(static_cast<bool>(result), c.success) << c.text;
  }
}

struct update_case {
  update_outcome outcome;
  const char *text;
  int status;
  bool success;
};

TEST(outcome, update_outcomes_have_text_status_and_truth) {
  for (const auto &c : {update_case{update_outcome::updated, "updated", 200, true},
                        {update_outcome::unchanged, "unchanged", 409, false},
                        {update_outcome::kept, "kept", 409, false},
                        {update_outcome::stale, "stale", 412, false},
                        {update_outcome::not_found, "not_found", 404, false},
                        {update_outcome::unknown, "unknown", 500, false}}) {
    EXPECT_EQ(to_string(c.outcome), c.text);
    EXPECT_EQ(ratchet::update_outcome_from(c.text), c.outcome);
    ratchet::update_result result;
    result.outcome = c.outcome;
    EXPECT_EQ(ratchet::http_status(result), c.status) << c.text;
    EXPECT_EQ(static_cast<bool>(result), c.success) << c.text;
  }
}

struct batch_case {
  batch_outcome outcome;
  const char *text;
  int status;
  bool success;
};

TEST(outcome, batch_outcomes_have_text_status_and_truth) {
  for (const auto &c : {batch_case{batch_outcome::stored, "stored", 201, true},
                        {batch_outcome::partial, "partial", 207, true},
                        {batch_outcome::duplicates, "duplicates", 409, false},
                        {batch_outcome::full, "full", 409, false},
                        {batch_outcome::unknown, "unknown", 500, false}}) {
    EXPECT_EQ(to_string(c.outcome), c.text);
    EXPECT_EQ(ratchet::batch_outcome_from(c.text), c.outcome);
    ratchet::batch_result result;
    result.outcome = c.outcome;
    EXPECT_EQ(ratchet::http_status(result), c.status) << c.text;
    EXPECT_EQ(static_cast<bool>(result), c.success) << c.text;
  }
}

struct progress_case {
  progress_outcome outcome;
  const char *text;
  int status;
  bool success;
};

TEST(outcome, progress_outcomes_have_text_status_and_truth) {
  for (const auto &c : {progress_case{progress_outcome::found, "found", 200, true},
                        {progress_outcome::not_found, "not_found", 404, false},
                        {progress_outcome::unknown, "unknown", 500, false}}) {
    EXPECT_EQ(to_string(c.outcome), c.text);
    EXPECT_EQ(ratchet::progress_outcome_from(c.text), c.outcome);
    ratchet::progress_result result;
    result.outcome = c.outcome;
    EXPECT_EQ(ratchet::http_status(result), c.status) << c.text;
    EXPECT_EQ(static_cast<bool>(result), c.success) << c.text;
  }
}

struct advance_case {
  advance_outcome outcome;
  const char *text;
  int status;
  bool success;
};

TEST(outcome, advance_outcomes_have_text_status_and_truth) {
  for (const auto &c : {advance_case{advance_outcome::advanced, "advanced", 200, true},
                        {advance_outcome::replayed, "replayed", 200, true},
                        {advance_outcome::already_there, "already_there", 409, false},
                        {advance_outcome::refused, "refused", 409, false},
                        {advance_outcome::key_reused, "key_reused", 422, false},
                        {advance_outcome::conflict, "conflict", 409, false},
                        {advance_outcome::full, "full", 409, false},
                        {advance_outcome::stale, "stale", 412, false},
                        {advance_outcome::not_found, "not_found", 404, false},
                        {advance_outcome::unknown, "unknown", 500, false}}) {
    EXPECT_EQ(to_string(c.outcome), c.text);
    EXPECT_EQ(ratchet::advance_outcome_from(c.text), c.outcome);
    ratchet::advance_result result;
    result.outcome = c.outcome;
    EXPECT_EQ(ratchet::http_status(result), c.status) << c.text;
    EXPECT_EQ(static_cast<bool>(result), c.success) << c.text;
  }
}

struct beat_case {
  beat_outcome outcome;
  const char *text;
  int status;
  bool success;
};

TEST(outcome, beat_outcomes_have_text_status_and_truth) {
  for (const auto &c : {beat_case{beat_outcome::alive, "alive", 200, true},
                        {beat_outcome::finished, "finished", 409, false},
                        {beat_outcome::stale, "stale", 412, false},
                        {beat_outcome::not_found, "not_found", 404, false},
                        {beat_outcome::unknown, "unknown", 500, false}}) {
    EXPECT_EQ(to_string(c.outcome), c.text);
    EXPECT_EQ(ratchet::beat_outcome_from(c.text), c.outcome);
    ratchet::beat_result result;
    result.outcome = c.outcome;
    EXPECT_EQ(ratchet::http_status(result), c.status) << c.text;
    EXPECT_EQ(static_cast<bool>(result), c.success) << c.text;
  }
}

TEST(outcome, a_newer_servers_word_is_unknown) {
  EXPECT_EQ(ratchet::submit_outcome_from("postponed"), submit_outcome::unknown);
  EXPECT_EQ(ratchet::submit_outcome_from(""), submit_outcome::unknown);
  EXPECT_EQ(ratchet::update_outcome_from("Updated"), update_outcome::unknown);
  EXPECT_EQ(ratchet::batch_outcome_from("queued"), batch_outcome::unknown);
  EXPECT_EQ(ratchet::progress_outcome_from("hidden"), progress_outcome::unknown);
  EXPECT_EQ(ratchet::advance_outcome_from("limited"), advance_outcome::unknown);
  EXPECT_EQ(ratchet::beat_outcome_from("stuck"), beat_outcome::unknown);
}

TEST(version, macros_agree_with_each_other) {
  EXPECT_EQ(std::to_string(RATCHET_VERSION_MAJOR) + "." + std::to_string(RATCHET_VERSION_MINOR) + "." +
                std::to_string(RATCHET_VERSION_PATCH),
            RATCHET_VERSION);
}

}  // namespace
