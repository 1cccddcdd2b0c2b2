// core/modes.h: what happens to a write that a policy forbids.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ratchet::core {

enum class Mode : unsigned char { observe, keep, reject };  // ordered by strength

// What a column is guarded by. All but the gate, whose mode is that of owned, can be named in `mode`.
enum class Policy : unsigned char { gate, owned, once, frozen, forward, states, fence, version };

const char *name_of(Mode mode) noexcept;
const char *name_of(Policy policy) noexcept;

// A mode for each policy. Trivially copyable, so that backend memory may hold it.
struct Modes {
  Mode owned = Mode::keep;
  Mode once = Mode::keep;
  Mode frozen = Mode::keep;
  Mode forward = Mode::keep;
  Mode transition = Mode::reject;  // states: to where the graph does not lead
  Mode terminal = Mode::keep;      // states: out of a terminal state
  Mode fence = Mode::reject;       // of the whole row
  Mode version = Mode::reject;
};

// One word for all policies, or a list such as 'owned=reject, forward=observe'.
// present: the policies of the contract; to name another is an error, because a
// misspelt policy would silently stay at its default. Throws 22023.
Modes parse_modes(std::string_view text, const std::vector<Policy> &present);

// What parse_modes() reads as these modes; empty when they are all at their defaults and not one word.
std::string text_of(const Modes &modes, const std::vector<Policy> &present);

// Which policies that are present became weaker, a phrase each.
std::vector<std::string> weakened(const Modes &before, const Modes &after, const std::vector<Policy> &present);

}  // namespace ratchet::core
