#include "core/guard_spec.h"

#include <algorithm>

#include "core/arguments.h"
#include "core/error.h"
#include "core/lane.h"

namespace ratchet::core {

namespace {

struct SingleColumn {
  const char *name;
  std::string GuardSpec::*column;
};

// Arguments that a contract has at most one column for.
constexpr SingleColumn single_columns[] = {
    {"gate", &GuardSpec::gate},           {"gate_at", &GuardSpec::gate_at},
    {"actor", &GuardSpec::actor},         {"idempotency_key", &GuardSpec::idempotency_key},
    {"heartbeat", &GuardSpec::heartbeat}, {"fence", &GuardSpec::fence},
    {"version", &GuardSpec::version}};

struct ColumnList {
  const char *name;
  std::vector<std::string> GuardSpec::*columns;
};

constexpr ColumnList column_lists[] = {{"owned", &GuardSpec::owned},
                                       {"once", &GuardSpec::once},
                                       {"frozen", &GuardSpec::frozen},
                                       {"forward", &GuardSpec::forward}};

bool has(const std::vector<std::string> &columns, const std::string &column) {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

void note_lost(std::vector<std::string> &lost, const char *name, const std::string &before, const std::string &after) {
  if (before.empty() || before == after) return;
  lost.push_back(after.empty() ? std::string(name) + " " + quoted(before) + " is removed"
                               : std::string(name) + " " + quoted(before) + " becomes " + quoted(after));
}

void add_all(std::vector<std::string> &to, std::vector<std::string> from) {
  to.insert(to.end(), from.begin(), from.end());
}

bool take_argument(GuardSpec &spec, std::string_view name, std::string_view value) {
  for (const SingleColumn &one : single_columns)
    if (name == one.name) {
      set_once(spec.*one.column, name, value);
      return true;
    }
  for (const ColumnList &list : column_lists)
    if (name == list.name) {
      (spec.*list.columns).emplace_back(value);
      return true;
    }
  if (name == "version_ignores") {
    spec.version_ignores.emplace_back(value);
    return true;
  }
  if (name == "alive") {
    spec.alive.emplace_back(value);
    return true;
  }
  return take_graph_argument(spec.states, name, value);
}

GuardSpec read_arguments(const std::vector<std::string_view> &arguments) {
  GuardSpec spec;
  std::string gate_by, mode, insert, removal, rate_limit, audit;
  split_arguments(arguments, "ratchet.guard()", [&](std::string_view name, std::string_view value) {
    if (name == "gate_by")
      set_once(gate_by, name, value);
    else if (name == "mode")
      set_once(mode, name, value);
    else if (name == "time_zone")
      set_once(spec.time_zone, name, value);
    else if (name == "insert")
      set_once(insert, name, value);
    else if (name == "delete")
      set_once(removal, name, value);
    else if (name == "rate_limit")
      set_once(rate_limit, name, value);
    else if (name == "audit")
      set_once(audit, name, value);
    else if (!take_argument(spec, name, value))
      throw_unknown(name, value);
  });
  if (!gate_by.empty()) spec.gate_by = parse_gate_by(gate_by);
  if (!mode.empty()) spec.modes = parse_modes(mode, spec.policies());
  if (!insert.empty()) spec.insert_reject = parse_insert(insert);
  if (!removal.empty()) spec.delete_reject = parse_delete(removal);
  if (!audit.empty() && audit != "true") throw_unknown("audit", audit);
  spec.audit = !audit.empty();
  if (!rate_limit.empty()) spec.rate_limit = parse_rate_limit(rate_limit);
  settle(spec.states);
  spec.settle_alive();
  check_consistent(spec);
  return spec;
}

// A column need not be in `forward` for that.
bool goes_forward(const GuardSpec &spec, const std::string &column) {
  return spec.heartbeat == column || (spec.fence == column && spec.modes.fence > Mode::observe);
}

[[noreturn]] void throw_needs(const char *what, const char *needs, const char *hint) {
  throw error(invalid_argument, std::string(what) + " needs " + needs, {}, hint);
}

// What makes sense only beside something else.
void check_needs(const GuardSpec &spec) {
  constexpr const char *name_gate = "Name the column that submit closes, for example gate => 'submitted_at'.";
  if (spec.policies().empty())
    throw error(
        invalid_argument, "a guard needs something to guard", {},
        "Name a gate, for example gate => 'submitted_at', or columns for once, forward, states, fence or version.");
  if (spec.gate.empty()) {
    if (!spec.gate_at.empty()) throw_needs("gate_at", "a gate", name_gate);
    if (!spec.actor.empty()) throw_needs("actor", "a gate", name_gate);
    if (!spec.owned.empty()) throw_needs("owned", "a gate", name_gate);
    if (spec.gate_by != GateBy::any) throw_needs("gate_by", "a gate", name_gate);
    if (spec.rate_limit.calls > 0) throw_needs("rate_limit", "a gate", name_gate);
  }
  if (!spec.version_ignores.empty() && spec.version.empty())
    throw_needs("version_ignores", "a version", "Name the column that counts, for example version => 'lock_version'.");
  if (!spec.gate.empty() || !spec.states.empty()) return;
  constexpr const char *name_either = "Name a gate, or states with a terminal one.";
  if (!spec.idempotency_key.empty()) throw_needs("idempotency_key", "a gate or states", name_either);
  if (!spec.frozen.empty()) throw_needs("frozen", "a gate or states", name_either);
  if (spec.insert_reject) throw_needs("insert", "a gate or states", name_either);
  if (spec.delete_reject) throw_needs("delete", "a gate or states", name_either);
}

}  // namespace

const Graph *GuardSpec::settle_alive() {
  if (alive.empty()) return nullptr;
  if (heartbeat.empty())
    throw_needs("alive", "a heartbeat",
                "Name the column that ratchet.beat() sets, for example heartbeat => 'seen_at'.");
  if (states.empty()) throw_needs("alive", "states", "Name the states of the column that says what a row is at.");
  std::sort(alive.begin(), alive.end());
  alive.erase(std::unique(alive.begin(), alive.end()), alive.end());
  const Graph *only = nullptr;
  for (const Graph &graph : states) {
    const bool all = std::all_of(alive.begin(), alive.end(),
                                 [&](const std::string &name) { return find_state(graph, name) != nullptr; });
    if (!all) continue;
    if (only != nullptr)
      throw error(invalid_argument,
                  "columns " + quoted(only->column) + " and " + quoted(graph.column) + " both have the states of alive",
                  {}, "Name a state that only one of them has as well.");
    only = &graph;
  }
  if (only == nullptr)
    for (const std::string &name : alive)
      if (std::none_of(states.begin(), states.end(),
                       [&](const Graph &graph) { return find_state(graph, name) != nullptr; }))
        throw error(invalid_argument, "state " + quoted(name) + " of alive is a key of no graph");
  if (only == nullptr) throw error(invalid_argument, "no column has all the states of alive");
  for (const std::string &name : alive)
    if (find_state(*only, name)->next.empty())
      throw error(invalid_argument, "state " + quoted(name) + " of alive is terminal", {},
                  "A row in a terminal state is finished: ratchet.beat() leaves it alone.");
  return only;
}

const char *name_of(GateBy by) noexcept { return by == GateBy::any ? "any" : "submit"; }

std::vector<Guarded> GuardSpec::guarded() const {
  std::vector<Guarded> columns;
  const auto add = [&](const std::string &column, Policy policy) {
    if (!column.empty()) columns.push_back({column, policy});
  };
  add(gate, Policy::gate);
  for (const std::string *column : {&gate_at, &actor, &idempotency_key}) add(*column, Policy::owned);
  for (const std::string &column : owned) columns.push_back({column, Policy::owned});
  for (const std::string &column : once) columns.push_back({column, Policy::once});
  for (const std::string &column : frozen) columns.push_back({column, Policy::frozen});
  for (const std::string &column : forward) columns.push_back({column, Policy::forward});
  add(heartbeat, Policy::forward);
  for (const Graph &graph : states) columns.push_back({graph.column, Policy::states});
  add(fence, Policy::fence);
  add(version, Policy::version);
  return columns;
}

std::vector<Policy> GuardSpec::policies() const {
  std::vector<Policy> present;
  if (!gate.empty() || !gate_at.empty() || !actor.empty() || !idempotency_key.empty() || !owned.empty())
    present.push_back(Policy::owned);
  if (!once.empty()) present.push_back(Policy::once);
  if (!frozen.empty()) present.push_back(Policy::frozen);
  if (!forward.empty() || !heartbeat.empty()) present.push_back(Policy::forward);
  if (!states.empty()) present.push_back(Policy::states);
  if (!fence.empty()) present.push_back(Policy::fence);
  if (!version.empty()) present.push_back(Policy::version);
  return present;
}

GateBy parse_gate_by(std::string_view text) {
  if (text == "any") return GateBy::any;
  if (text == "submit") return GateBy::submit;
  throw error(invalid_argument, "invalid gate_by " + quoted(text), {}, "gate_by is 'any' or 'submit'.");
}

static bool rejects(const char *argument, std::string_view text) {
  if (text == "allow") return false;
  if (text == "reject") return true;
  throw error(invalid_argument, std::string("invalid ") + argument + " " + quoted(text), {},
              std::string(argument) + " is 'allow' or 'reject'.");
}

bool parse_insert(std::string_view text) { return rejects("insert", text); }

bool parse_delete(std::string_view text) { return rejects("delete", text); }

GuardSpec parse_arguments(const std::vector<std::string_view> &arguments) {
  try {
    return read_arguments(arguments);
  } catch (const error &caught) {
    // What would be a bad argument of guard() is, in a trigger, a contract that cannot be enforced.
    throw error(unenforceable, caught.what(), caught.detail(), caught.hint());
  }
}

std::vector<std::string> arguments(const GuardSpec &spec) {
  std::vector<std::string> out;
  const auto add = [&](const char *name, const std::string &value) {
    if (!value.empty()) out.push_back(std::string(name) + "=" + value);
  };
  add("gate", spec.gate);
  add("gate_at", spec.gate_at);
  if (!spec.gate.empty()) add("gate_by", name_of(spec.gate_by));
  add("actor", spec.actor);
  add("idempotency_key", spec.idempotency_key);
  for (const ColumnList &list : column_lists)
    for (const std::string &column : spec.*list.columns) add(list.name, column);
  append_arguments(out, spec.states);
  add("heartbeat", spec.heartbeat);
  for (const std::string &state : spec.alive) add("alive", state);
  add("fence", spec.fence);
  add("version", spec.version);
  for (const std::string &column : spec.version_ignores) add("version_ignores", column);
  add("time_zone", spec.time_zone);
  add("mode", text_of(spec.modes, spec.policies()));
  if (spec.insert_reject) add("insert", "reject");
  if (spec.delete_reject) add("delete", "reject");
  if (spec.audit) add("audit", "true");
  add("rate_limit", text_of(spec.rate_limit));
  return out;
}

void check_consistent(const GuardSpec &spec) {
  check_needs(spec);
  // What a version ignores may obey any policy but the version's own.
  std::vector<std::string> columns, frozen = spec.frozen, ignored = spec.version_ignores;
  if (!spec.version.empty()) ignored.push_back(spec.version);
  for (const Guarded &guarded : spec.guarded())
    if (guarded.policy != Policy::frozen) columns.push_back(guarded.column);
  for (std::vector<std::string> *list : {&columns, &frozen, &ignored}) {
    std::sort(list->begin(), list->end());
    const auto twice = std::adjacent_find(list->begin(), list->end());
    if (twice != list->end()) throw error(invalid_argument, "column " + quoted(*twice) + " is named twice");
    if (!list->empty() && list->front().empty()) throw error(invalid_argument, "a column name must not be empty");
  }
  // A column may be fixed in the end and obey another policy until then.
  for (const std::string &column : frozen)
    if (has(columns, column) && !has(spec.once, column) && !has(spec.forward, column) && column != spec.heartbeat)
      throw error(invalid_argument, "column " + quoted(column) + " is named twice", {},
                  "A frozen column can also be in once or forward, and in nothing else.");
}

std::vector<std::string> weakened(const GuardSpec &before, const GuardSpec &after) {
  std::vector<std::string> lost;
  for (const SingleColumn &single : single_columns)
    note_lost(lost, single.name, before.*single.column, after.*single.column);
  note_lost(lost, "time_zone", before.time_zone, after.time_zone);
  for (const ColumnList &list : column_lists)
    for (const std::string &column : before.*list.columns)
      if (!has(after.*list.columns, column) && (list.columns != &GuardSpec::forward || !goes_forward(after, column)))
        lost.push_back(std::string(list.name) + " " + quoted(column) + " is removed");
  add_all(lost, weakened(before.states, after.states));
  if (!before.version.empty())
    for (const std::string &column : after.version_ignores)
      if (!has(before.version_ignores, column)) lost.push_back("the version ignores " + quoted(column) + " too");
  if (!before.alive.empty()) {
    if (after.alive.empty()) lost.emplace_back("alive is removed");
    for (const std::string &state : after.alive)
      if (!has(before.alive, state)) lost.push_back("a row is alive in state " + quoted(state) + " too");
    for (const std::string &state : before.alive)
      if (!after.alive.empty() && !has(after.alive, state))
        lost.push_back("a row is alive in state " + quoted(state) + " no more");
  }
  if (after.gate_by < before.gate_by)
    lost.push_back(std::string("gate_by ") + name_of(before.gate_by) + " becomes " + name_of(after.gate_by));
  add_all(lost, weakened(before.modes, after.modes, before.policies()));
  if (before.insert_reject && !after.insert_reject) lost.emplace_back("insert reject becomes allow");
  if (before.delete_reject && !after.delete_reject) lost.emplace_back("delete reject becomes allow");
  if (before.audit && !after.audit) lost.emplace_back("audit is removed");
  if (allows_more(before.rate_limit, after.rate_limit))
    note_lost(lost, "rate_limit", text_of(before.rate_limit), text_of(after.rate_limit));
  return lost;
}

std::vector<std::string> renamed(const GuardSpec &spec, std::string_view from, std::string_view to) {
  GuardSpec after = spec;
  bool found = false;
  const auto rename = [&](std::string &column) {
    if (column != from) return;
    column = to;
    found = true;
  };
  for (const SingleColumn &single : single_columns) rename(after.*single.column);
  for (const ColumnList &list : column_lists)
    for (std::string &column : after.*list.columns) rename(column);
  for (std::string &column : after.version_ignores) rename(column);
  for (Graph &graph : after.states) rename(graph.column);
  settle(after.states);
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
