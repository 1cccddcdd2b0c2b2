// core/tally_spec.h: tallies as values: parsing, printing, merging, comparing.
//
// A tally is stored in two places, each readable in \d. The child's trigger
// says what is counted: the columns of the foreign key and, for each counter,
// an expression. The parent's one trigger says what is kept: the referenced
// key, the counters of all tallies on this parent, and their completions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ratchet::core {

struct Counter {
  std::string column;      // of the parent
  bool sum = false;        // sum of the expression, otherwise the number of rows for which it is true
  std::string expression;  // over the child's columns, as PostgreSQL deparses it
};

struct Completion {
  std::string total;     // column of the parent with the expected number; empty: there is no completion
  std::string total_of;  // the counter that it is compared with
  std::string done;      // empty: none
  std::string done_at;   // empty: none
  std::string on_done;   // signature of a function; empty: none
  bool latch = false;
  bool notify = false;
  std::string time_zone;  // of a done_at without one; empty: the session's
};

// What one call of ratchet.tally() declares.
struct Tally {
  std::vector<std::string> via;
  std::vector<Counter> counters;
  Completion completion;
};

// What the parent's trigger holds, for all of its tallies.
struct Kept {
  std::vector<std::string> key;
  std::vector<std::string> counters;
  std::vector<Completion> completions;

  // Every column that only the tallies write.
  std::vector<std::string> guarded() const;
};

// Reads trigger arguments; both throw core::error 42R01 for anything that the
// functions below would not have written.
Tally parse_source(const std::vector<std::string_view> &arguments);
Kept parse_kept(const std::vector<std::string_view> &arguments);

// The trigger arguments of the child's and of the parent's part. The
// completion is in the parent's part alone.
std::vector<std::string> source_arguments(const Tally &tally);
std::vector<std::string> kept_arguments(const Kept &kept);

// Checks that a tally makes sense, and fills in total_of where only one counter can be meant. Throws 22023.
void check_consistent(Tally &tally);

// The tally with its completion as the parent has it.
Tally whole(const Tally &source, const Kept &kept);

// The parent's part with one more tally, and with one less.
Kept with(const Kept &kept, const Tally &tally);
Kept without(const Kept &kept, const Tally &tally);

// After a column of the child, or of the parent, was renamed.
Tally child_renamed(const Tally &source, std::string_view from, std::string_view to);
Tally parent_renamed(const Tally &source, std::string_view from, std::string_view to);
Kept parent_renamed(const Kept &kept, std::string_view from, std::string_view to);

// What `after` would take away from `before`, a phrase each.
std::vector<std::string> weakened(const Tally &before, const Tally &after);

}  // namespace ratchet::core
