#include "core/spec.h"

#include <algorithm>

#include "core/arguments.h"
#include "core/error.h"
#include "core/lane.h"

namespace ratchet::core {

namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

Mode mode_word(std::string_view word) {
  for (Mode mode : {Mode::observe, Mode::keep, Mode::reject})
    if (word == name_of(mode)) return mode;
  throw error(invalid_argument, "invalid mode " + quoted(word), {},
              "Modes are keep, reject and observe, one word for all policies or a list such as 'owned=reject'.");
}

void note_lost(std::vector<std::string> &lost, const char *role, const std::string &before, const std::string &after) {
  if (before.empty() || before == after) return;
  lost.push_back(after.empty() ? std::string(role) + " " + quoted(before) + " is removed"
                               : std::string(role) + " " + quoted(before) + " becomes " + quoted(after));
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

const char *name_of(GateBy by) noexcept { return by == GateBy::any ? "any" : "submit"; }

std::vector<std::string> Spec::guarded() const {
  std::vector<std::string> columns{gate};
  for (const std::string *role : {&gate_at, &actor, &idempotency_key})
    if (!role->empty()) columns.push_back(*role);
  columns.insert(columns.end(), owned.begin(), owned.end());
  return columns;
}

GateBy parse_gate_by(std::string_view text) {
  if (text == "any") return GateBy::any;
  if (text == "submit") return GateBy::submit;
  throw error(invalid_argument, "invalid gate_by " + quoted(text), {}, "gate_by is 'any' or 'submit'.");
}

bool parse_insert(std::string_view text) {
  if (text == "allow") return false;
  if (text == "reject") return true;
  throw error(invalid_argument, "invalid insert " + quoted(text), {}, "insert is 'allow' or 'reject'.");
}

Mode parse_mode(std::string_view text) {
  Mode result = Mode::keep;
  bool seen = false;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const auto comma = rest.find(',');
    more = comma != std::string_view::npos;
    const std::string_view item = trim(rest.substr(0, comma));
    if (more) rest.remove_prefix(comma + 1);

    const auto equals = item.find('=');
    if (equals == std::string_view::npos) {
      if (more || seen)
        throw error(invalid_argument, "invalid mode " + quoted(text), {},
                    "A mode is one word for all policies, or a list of policy=mode.");
      result = mode_word(item);
    } else {
      const std::string_view policy = trim(item.substr(0, equals));
      if (policy != "owned")
        throw error(invalid_argument, "mode names policy " + quoted(policy) + ", which the contract does not have");
      if (seen) throw error(invalid_argument, "mode names policy " + quoted(policy) + " twice");
      result = mode_word(trim(item.substr(equals + 1)));
    }
    seen = true;
  }
  return result;
}

namespace {

Spec read_arguments(const std::vector<std::string_view> &arguments) {
  Spec spec;
  std::string gate_by, mode, insert;
  split_arguments(arguments, "ratchet.guard()", [&](std::string_view role, std::string_view value) {
    if (role == "gate")
      set_once(spec.gate, role, value);
    else if (role == "gate_at")
      set_once(spec.gate_at, role, value);
    else if (role == "actor")
      set_once(spec.actor, role, value);
    else if (role == "idempotency_key")
      set_once(spec.idempotency_key, role, value);
    else if (role == "owned")
      spec.owned.emplace_back(value);
    else if (role == "gate_by")
      set_once(gate_by, role, value);
    else if (role == "mode")
      set_once(mode, role, value);
    else if (role == "insert")
      set_once(insert, role, value);
    else
      throw_unknown(role, value);
  });
  if (!gate_by.empty()) spec.gate_by = parse_gate_by(gate_by);
  if (!mode.empty()) spec.owned_mode = parse_mode(mode);
  if (!insert.empty()) spec.insert_reject = parse_insert(insert);
  check_consistent(spec);
  return spec;
}

}  // namespace

Spec parse_arguments(const std::vector<std::string_view> &arguments) {
  try {
    return read_arguments(arguments);
  } catch (const error &caught) {
    // What would be a bad argument of guard() is, in a trigger, a contract that cannot be enforced.
    throw error(unenforceable, caught.what(), caught.detail(), caught.hint());
  }
}

std::vector<std::string> arguments(const Spec &spec) {
  std::vector<std::string> out{"gate=" + spec.gate};
  if (!spec.gate_at.empty()) out.push_back("gate_at=" + spec.gate_at);
  out.push_back(std::string("gate_by=") + name_of(spec.gate_by));
  if (!spec.actor.empty()) out.push_back("actor=" + spec.actor);
  if (!spec.idempotency_key.empty()) out.push_back("idempotency_key=" + spec.idempotency_key);
  for (const std::string &column : spec.owned) out.push_back("owned=" + column);
  out.push_back(std::string("mode=") + name_of(spec.owned_mode));
  if (spec.insert_reject) out.push_back("insert=reject");
  return out;
}

void check_consistent(const Spec &spec) {
  if (spec.gate.empty())
    throw error(invalid_argument, "a guard needs a gate", {},
                "Name the column that submit closes, for example gate => 'submitted_at'.");
  std::vector<std::string> columns = spec.guarded();
  std::sort(columns.begin(), columns.end());
  const auto twice = std::adjacent_find(columns.begin(), columns.end());
  if (twice != columns.end()) throw error(invalid_argument, "column " + quoted(*twice) + " is named twice");
  if (columns.front().empty()) throw error(invalid_argument, "a column name must not be empty");
}

std::vector<std::string> weakened(const Spec &before, const Spec &after) {
  std::vector<std::string> lost;
  note_lost(lost, "gate", before.gate, after.gate);
  note_lost(lost, "gate_at", before.gate_at, after.gate_at);
  note_lost(lost, "actor", before.actor, after.actor);
  note_lost(lost, "idempotency_key", before.idempotency_key, after.idempotency_key);
  for (const std::string &column : before.owned)
    if (std::find(after.owned.begin(), after.owned.end(), column) == after.owned.end())
      lost.push_back("owned " + quoted(column) + " is removed");
  if (after.gate_by < before.gate_by)
    lost.push_back(std::string("gate_by ") + name_of(before.gate_by) + " becomes " + name_of(after.gate_by));
  if (after.owned_mode < before.owned_mode)
    lost.push_back(std::string("mode ") + name_of(before.owned_mode) + " becomes " + name_of(after.owned_mode));
  if (before.insert_reject && !after.insert_reject) lost.emplace_back("insert reject becomes allow");
  return lost;
}

std::vector<std::string> renamed(const Spec &spec, std::string_view from, std::string_view to) {
  Spec after = spec;
  bool found = false;
  const auto rename = [&](std::string &column) {
    if (column != from) return;
    column = to;
    found = true;
  };
  for (std::string *role : {&after.gate, &after.gate_at, &after.actor, &after.idempotency_key}) rename(*role);
  for (std::string &column : after.owned) rename(column);
  return found ? arguments(after) : std::vector<std::string>{};
}

std::string join(const std::vector<std::string> &parts, std::string_view separator) {
  std::string out;
  for (const std::string &part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

}  // namespace ratchet::core
