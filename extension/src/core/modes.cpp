#include "core/modes.h"

#include <algorithm>
#include <array>

#include "core/arguments.h"
#include "core/error.h"
#include "core/lane.h"

namespace ratchet::core {

namespace {

constexpr std::array policies{Policy::owned,  Policy::once,  Policy::frozen, Policy::forward,
                              Policy::states, Policy::fence, Policy::version};

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

Mode mode_word(std::string_view word) {
  for (const Mode mode : {Mode::observe, Mode::keep, Mode::reject})
    if (word == name_of(mode)) return mode;
  throw error(invalid_argument, "invalid mode " + quoted(word), {},
              "Modes are keep, reject and observe, one word for all policies or a list such as 'owned=reject'.");
}

// The modes that a policy has; states has two.
std::vector<Mode *> slots(Modes &modes, Policy policy) {
  switch (policy) {
    case Policy::gate:
    case Policy::owned:
      return {&modes.owned};
    case Policy::once:
      return {&modes.once};
    case Policy::frozen:
      return {&modes.frozen};
    case Policy::forward:
      return {&modes.forward};
    case Policy::states:
      return {&modes.transition, &modes.terminal};
    case Policy::fence:
      return {&modes.fence};
    case Policy::version:
      return {&modes.version};
  }
  return {};
}

std::vector<Mode> values(const Modes &modes, Policy policy) {
  Modes copy = modes;
  std::vector<Mode> found;
  for (const Mode *slot : slots(copy, policy)) found.push_back(*slot);
  return found;
}

bool contains(const std::vector<Policy> &present, Policy policy) {
  return std::find(present.begin(), present.end(), policy) != present.end();
}

Policy policy_word(std::string_view word, const std::vector<Policy> &present) {
  for (const Policy policy : policies)
    if (word == name_of(policy) && contains(present, policy)) return policy;
  std::string known;
  for (const Policy policy : policies)
    if (contains(present, policy)) known += (known.empty() ? "" : ", ") + std::string(name_of(policy));
  throw error(invalid_argument, "mode names policy " + quoted(word) + ", which the contract does not have", {},
              known.empty() ? "It has no policy with a mode." : "Its policies are: " + known + ".");
}

void set(Modes &modes, Policy policy, Mode mode) {
  for (Mode *slot : slots(modes, policy)) *slot = mode;
}

}  // namespace

const char *name_of(Mode mode) noexcept {
  switch (mode) {
    case Mode::observe:
      return "observe";
    case Mode::keep:
      return "keep";
    case Mode::reject:
      return "reject";
  }
  return "";
}

const char *name_of(Policy policy) noexcept {
  switch (policy) {
    case Policy::gate:
      return "gate";
    case Policy::owned:
      return "owned";
    case Policy::once:
      return "once";
    case Policy::frozen:
      return "frozen";
    case Policy::forward:
      return "forward";
    case Policy::states:
      return "states";
    case Policy::fence:
      return "fence";
    case Policy::version:
      return "version";
  }
  return "";
}

Modes parse_modes(std::string_view text, const std::vector<Policy> &present) {
  Modes modes;
  std::vector<Policy> seen;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const auto comma = rest.find(',');
    more = comma != std::string_view::npos;
    const std::string_view item = trim(rest.substr(0, comma));
    if (more) rest.remove_prefix(comma + 1);

    const auto equals = item.find('=');
    if (equals == std::string_view::npos) {
      if (more || !seen.empty())
        throw error(invalid_argument, "invalid mode " + quoted(text), {},
                    "A mode is one word for all policies, or a list of policy=mode.");
      const Mode mode = mode_word(item);
      for (const Policy policy : policies) set(modes, policy, mode);
      return modes;
    }
    const std::string_view word = trim(item.substr(0, equals));
    const Policy policy = policy_word(word, present);
    if (contains(seen, policy)) throw error(invalid_argument, "mode names policy " + quoted(word) + " twice");
    set(modes, policy, mode_word(trim(item.substr(equals + 1))));
    seen.push_back(policy);
  }
  return modes;
}

std::string text_of(const Modes &modes, const std::vector<Policy> &present) {
  std::vector<Mode> all;
  for (const Policy policy : present)
    for (const Mode mode : values(modes, policy)) all.push_back(mode);
  if (all.empty()) return {};
  if (std::adjacent_find(all.begin(), all.end(), std::not_equal_to<>()) == all.end()) return name_of(all.front());
  std::string text;
  for (const Policy policy : present) {
    const std::vector<Mode> mine = values(modes, policy);
    if (mine == values(Modes{}, policy)) continue;
    if (!text.empty()) text += ", ";
    text += std::string(name_of(policy)) + "=" + name_of(mine.front());
  }
  return text;
}

std::vector<std::string> weakened(const Modes &before, const Modes &after, const std::vector<Policy> &present) {
  std::vector<std::string> lost;
  for (const Policy policy : present) {
    const std::vector<Mode> was = values(before, policy);
    const std::vector<Mode> is = values(after, policy);
    for (std::size_t i = 0; i < was.size(); ++i) {
      if (is[i] >= was[i]) continue;
      const char *where = policy != Policy::states ? "" : i == 0 ? " (transitions)" : " (terminal)";
      lost.push_back(std::string("mode of ") + name_of(policy) + where + " " + name_of(was[i]) + " becomes " +
                     name_of(is[i]));
    }
  }
  return lost;
}

}  // namespace ratchet::core
