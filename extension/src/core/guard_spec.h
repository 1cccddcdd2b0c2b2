// core/guard_spec.h: a guard contract as a value: parsing, printing, comparing.
//
// A contract is stored as trigger arguments of the form name=value, one
// argument a column, so that it is readable in \d and any column name,
// whatever it contains, needs no quoting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/graph.h"
#include "core/modes.h"
#include "core/rate_limit.h"

namespace ratchet::core {

enum class GateBy : unsigned char { any, submit };  // ordered by strength

const char *name_of(GateBy by) noexcept;

// A column that a policy guards; frozen may come beside another policy.
struct Guarded {
  std::string column;
  Policy policy;
};

struct GuardSpec {
  std::string gate;             // empty: none
  std::string gate_at;          // empty: none
  std::string actor;            // empty: none
  std::string idempotency_key;  // empty: none
  std::vector<std::string> owned;
  std::vector<std::string> once;
  std::vector<std::string> frozen;
  std::vector<std::string> forward;
  std::vector<Graph> states;
  std::string heartbeat;                     // empty: none
  std::vector<std::string> alive;            // states in which a row has a heartbeat; empty: all but terminal ones
  std::string fence;                         // empty: none
  std::string version;                       // empty: none
  std::vector<std::string> version_ignores;  // columns whose changes are no new version
  std::string time_zone;                     // of columns without one; empty: the session's
  GateBy gate_by = GateBy::any;
  Modes modes;
  RateLimit rate_limit;
  bool insert_reject = false;
  bool delete_reject = false;
  bool audit = false;

  // Every guarded column, the gate first if there is one.
  std::vector<Guarded> guarded() const;

  // The states in which a row is alive, in canonical order, and the only column that has them all; nullptr: none are
  // named. Throws 22023.
  const Graph *settle_alive();

  // The policies that it has a column for.
  std::vector<Policy> policies() const;
};

// Reads trigger arguments; throws core::error 42R01 for anything that
// arguments() would not have written.
GuardSpec parse_arguments(const std::vector<std::string_view> &arguments);

// The trigger arguments of a contract, in a canonical order.
std::vector<std::string> arguments(const GuardSpec &spec);

GateBy parse_gate_by(std::string_view text);
bool parse_insert(std::string_view text);
bool parse_delete(std::string_view text);

// A contract needs something to guard, and no column may be named twice. Throws 22023.
void check_consistent(const GuardSpec &spec);

// What `after` would take away from `before`, a phrase each; empty when
// `after` only adds to it or makes it stricter.
std::vector<std::string> weakened(const GuardSpec &before, const GuardSpec &after);

// The arguments after a column was renamed; empty when it plays no name.
std::vector<std::string> renamed(const GuardSpec &spec, std::string_view from, std::string_view to);

std::string join(const std::vector<std::string> &parts, std::string_view separator);

}  // namespace ratchet::core
