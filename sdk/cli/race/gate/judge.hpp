// Who lost what: compares what the writers of a round were answered with the row that they left. Pure, so that it can
// be tested with rows that no guard would let happen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "race/gate/race.hpp"

namespace ratchet::cli {

// The user that submits.
inline constexpr const char *submitter_id = "7";

// The comment of a new scorecard.
inline constexpr const char *first_comment = "draft";

// What a writer did to the row in one round.
struct writing {
  std::string who;
  std::int64_t tick = 0;                     // its place in the order of the row's writes
  std::optional<std::string> comment;        // what it wrote; empty: it left the comment alone
  std::optional<std::int64_t> submitted_at;  // what its write left in the gate, in microseconds since 1970
  bool guarded = false;                      // the guard kept something of it
  std::vector<event> events;
};

// The row after the round.
struct row_state {
  std::optional<std::int64_t> submitted_at;  // microseconds since 1970
  std::optional<std::string> submitter;
  std::string comment;
};

struct verdict {
  bool submission_lost = false;  // see race_report for these
  bool comment_lost = false;
  bool overwritten = false;
  bool guarded = false;

  bool lost() const { return submission_lost || comment_lost; }
};

// `submission` was answered success; `saves` come in any order.
verdict judge(const writing &submission, const std::vector<writing> &saves, const row_state &after);

// The events of all writers in the order of time, and the row that they left.
std::vector<event> timeline(const writing &submission, const std::vector<writing> &saves, const row_state &after);

// "submitted, comment 'x'".
std::string describe(bool submitted, const std::string &comment);

}  // namespace ratchet::cli
