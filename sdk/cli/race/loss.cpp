#include "race/loss.hpp"

#include <fmt/format.h>

#include <functional>

namespace ratchet::cli {

namespace {

// The last thing that a writer read, or began with, before its write `at`; nullptr if there is none.
const event *read_before(const std::vector<event> &events, const event &at) {
  const event *found = nullptr;
  for (const auto &e : events) {
    if (&e == &at) break;
    if (e.who == at.who && (e.kind == act::read || (e.kind == act::note && found == nullptr))) found = &e;
  }
  return found;
}

std::string tell(const std::vector<event> &events, event &undone, event &undoing) {
  undone.in_loss = part::undone;
  undoing.in_loss = part::undoing;
  const auto *read = read_before(events, undoing);
  const auto written = undone.value ? fmt::format(" ({})", *undone.value) : "";
  const auto over = undoing.value ? fmt::format(" ({})", *undoing.value) : "";
  auto text = fmt::format("{} wrote at {:.2f} ms{} and was answered success. ", undone.who, undone.ms, written);
  if (read == nullptr) return text + fmt::format("{} wrote over it at {:.2f} ms{}.", undoing.who, undoing.ms, over);
  return text + fmt::format("{} had begun at {:.2f} ms, before that, and its write at {:.2f} ms{} undid it.",
                            undoing.who, read->ms, undoing.ms, over);
}

event *last_write_of(std::vector<event> &events, const std::string &who) {
  event *found = nullptr;
  for (auto &e : events) {
    if (e.who == who && e.kind == act::wrote) found = &e;
  }
  return found;
}

// The first write that follows a higher one of somebody else, as `behind` compares them.
std::string first_behind(std::vector<event> &events, const std::function<bool(std::int64_t, std::int64_t)> &behind) {
  event *highest = nullptr;
  for (auto &e : events) {
    if (e.kind != act::wrote || !e.value) continue;
    if (highest != nullptr && e.who != highest->who && behind(*e.value, *highest->value)) {
      return tell(events, *highest, e);
    }
    if (highest == nullptr || *e.value >= *highest->value) highest = &e;
  }
  return {};
}

}  // namespace

std::string explain_undone(std::vector<event> &events, const std::string &who) {
  event *undone = last_write_of(events, who);
  if (undone == nullptr) return {};
  // Answers may arrive in another order than the writes were committed in. So one that was answered shortly before is
  // the next best.
  event *undoing = nullptr;
  for (auto &e : events) {
    if (e.who == who || e.kind != act::wrote) continue;
    const auto *read = read_before(events, e);
    if (read != nullptr && read->ms > undone->ms) continue;
    undoing = &e;
    if (e.ms >= undone->ms) break;
  }
  return undoing == nullptr ? std::string{} : tell(events, *undone, *undoing);
}

std::string explain_setback(std::vector<event> &events) {
  auto text = first_behind(events, std::less<>{});
  return text.empty() ? first_behind(events, std::equal_to<>{}) : text;
}

std::string explain_repetition(std::vector<event> &events, const std::string &what) {
  std::string text;
  int times = 0;
  for (auto &e : events) {
    if (e.what != what) continue;
    e.in_loss = part::repeated;
    ++times;
    const auto *read = read_before(events, e);
    text += fmt::format("{} {} at {:.2f} ms", e.who, what, e.ms);
    text += read == nullptr ? ". " : fmt::format(", as at {:.2f} ms it had {}. ", read->ms, read->what);
  }
  if (times < 2) {
    for (auto &e : events) e.in_loss = e.in_loss == part::repeated ? part::none : e.in_loss;
    return {};
  }
  return text + "Neither could see that the other would.";
}

}  // namespace ratchet::cli
