// Who lost what: compares what the writers of a round were answered with the row that they left. Pure, so that it can
// be tested with rows that no guard would let happen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "race/event.hpp"
#include "race/gate/variant.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli::gate {

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
  bool submission_lost = false;  // see report, which counts these
  bool comment_lost = false;
  bool overwritten = false;
  bool guarded = false;

  bool lost() const { return submission_lost || comment_lost; }
};

// What a variant came to, in all of its rounds.
struct report : shown_round {
  variant kind = variant::none;
  std::string schema;
  int rounds = 0;
  int lost_submissions = 0;  // Submit answered success, and afterwards its gate, time or submitter are not there
  int lost_comments = 0;     // the last save of the comment is not in the row
  int overwritten = 0;       // Submit's own whole-row save wrote an older comment over a newer one
  int guarded = 0;           // rounds in which the guard kept a column

  bool lost() const { return lost_submissions + lost_comments > 0; }
};

// `submission` was answered success; `saves` come in any order.
verdict judge(const writing &submission, const std::vector<writing> &saves, const row_state &after);

// The events of all writers in the order of time, and the row that they left.
std::vector<event> timeline(const writing &submission, const std::vector<writing> &saves, const row_state &after);

// "submitted, comment 'x'".
std::string describe(bool submitted, const std::string &comment);

}  // namespace ratchet::cli::gate
