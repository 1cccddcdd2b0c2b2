#include "race/gate/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "race/timeline.hpp"

namespace ratchet::cli::gate {

verdict judge(const writing &submission, const std::vector<writing> &saves, const row_state &after) {
  verdict result;
  result.submission_lost =
      !after.submitted_at || after.submitted_at != submission.submitted_at || after.submitter != submitter_id;
  result.guarded = submission.guarded || std::any_of(saves.begin(), saves.end(), [](auto &w) { return w.guarded; });

  std::vector<const writing *> in_order{&submission};
  for (const auto &save : saves) in_order.push_back(&save);
  std::sort(in_order.begin(), in_order.end(), [](auto *a, auto *b) { return a->tick < b->tick; });

  // The comment that must be there is the one that was written last: nobody wrote after it. Two stale saves may
  // overwrite each other, and a submitter that saves its whole row may too: a guard of the gate is not asked to stop
  // it.
  std::string expected = first_comment;
  for (const writing *w : in_order) {
    if (!w->comment) continue;
    if (w == &submission && *w->comment != expected) result.overwritten = true;
    expected = *w->comment;
  }
  result.comment_lost = after.comment != expected;
  return result;
}

std::vector<event> timeline(const writing &submission, const std::vector<writing> &saves, const row_state &after) {
  std::vector<event> events = submission.events;
  for (const auto &save : saves) events.insert(events.end(), save.events.begin(), save.events.end());
  return in_order(std::move(events), "row", "is now " + describe(after.submitted_at.has_value(), after.comment));
}

std::string describe(bool submitted, const std::string &comment) {
  return fmt::format("{}, comment '{}'", submitted ? "submitted" : "not submitted", comment);
}

}  // namespace ratchet::cli::gate
