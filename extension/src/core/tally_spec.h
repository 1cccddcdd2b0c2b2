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

// Either of a total, which a counter reaches, or by a condition.
struct Completion {
  std::string total;  // column of the parent with the expected number; empty: by a condition, or no completion
  std::string
      total_of;  // the counter that it is compared with; by a condition: a counter of the tally that has declared it
  std::string when;     // over the parent's columns, as PostgreSQL deparses it; empty: of a total
  std::string done;     // empty: none, which only a total may have
  std::string done_at;  // empty: none
  std::string on_done;  // signature of a function; empty: none
  bool latch = false;
  bool notify = false;
  std::string time_zone;  // of a done_at without one; empty: the session's
};

// How far a counter may go: up to a column of the parent, or to a number.
struct Bound {
  std::string column;  // empty: none
  std::string number;  // as numeric writes it; empty: none
  bool empty() const { return column.empty() && number.empty(); }
};

struct Limit {
  std::string counter;
  Bound max;  // empty: none
  Bound min;  // the same; one of the two is there
};

// What a flush does where another transaction has the parent's row in hand.
enum class Contention : unsigned char { unsaid, wait, spill };

// What one call of ratchet.tally() declares.
struct TallySpec {
  std::vector<std::string> via;
  std::vector<Counter> counters;
  Completion completion;                // of its total
  std::vector<Completion> completions;  // by conditions
  std::vector<Limit> limits;
  Contention contention = Contention::unsaid;  // of the parent, so of all of its tallies; unsaid: as it is
};

// What the parent's trigger holds, for all of its tallies.
struct ParentSpec {
  std::vector<std::string> key;
  std::vector<std::string> counters;
  std::vector<Completion> completions;
  std::vector<Limit> limits;
  bool spills = false;  // contention 'spill'; otherwise 'wait'

  // Every column that only the tallies write.
  std::vector<std::string> guarded() const;
};

// Reads trigger arguments; both throw core::error 42R01 for anything that the
// functions below would not have written.
TallySpec parse_child(const std::vector<std::string_view> &arguments);
ParentSpec parse_parent(const std::vector<std::string_view> &arguments);

// The trigger arguments of the child's and of the parent's part.
// Completions and limits are in the parent's part alone.
std::vector<std::string> child_arguments(const TallySpec &tally);
std::vector<std::string> parent_arguments(const ParentSpec &kept);

// Checks that a tally makes sense, and fills in each total_of. Throws 22023.
void check_consistent(TallySpec &tally);

// The tally with its completions and limits as the parent has them.
TallySpec whole(const TallySpec &source, const ParentSpec &kept);

// The parent's part with one more tally, and with one less. The former throws 22023 for limits where counts spill.
ParentSpec with(const ParentSpec &kept, const TallySpec &tally);
ParentSpec without(const ParentSpec &kept, const TallySpec &tally);

// After a column of the child, or of the parent, was renamed.
TallySpec child_renamed(const TallySpec &source, std::string_view from, std::string_view to);
TallySpec parent_renamed(const TallySpec &source, std::string_view from, std::string_view to);
ParentSpec parent_renamed(const ParentSpec &kept, std::string_view from, std::string_view to);

// What `after` would take away from `before`, a phrase each.
std::vector<std::string> weakened(const TallySpec &before, const TallySpec &after);

}  // namespace ratchet::core
