// core/spec.h: a guard contract as a value: parsing, printing, comparing.
//
// A contract is stored as trigger arguments of the form role=value, one
// argument a column, so that it is readable in \d and any column name,
// whatever it contains, needs no quoting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ratchet::core {

enum class Mode : unsigned char { observe, keep, reject };  // ordered by strength
enum class GateBy : unsigned char { any, submit };          // ordered by strength

const char *name_of(Mode mode) noexcept;
const char *name_of(GateBy by) noexcept;

struct Spec {
  std::string gate;             // never empty in a valid contract
  std::string gate_at;          // empty: none
  std::string actor;            // empty: none
  std::string idempotency_key;  // empty: none
  std::vector<std::string> owned;
  GateBy gate_by = GateBy::any;
  Mode owned_mode = Mode::keep;
  bool insert_reject = false;

  // Every column that only the closing of the gate may write, gate first.
  std::vector<std::string> guarded() const;
};

// Reads trigger arguments; throws core::error 55R01 for anything that
// arguments() would not have written.
Spec parse_arguments(const std::vector<std::string_view> &arguments);

// The trigger arguments of a contract, in a canonical order.
std::vector<std::string> arguments(const Spec &spec);

GateBy parse_gate_by(std::string_view text);
bool parse_insert(std::string_view text);

// 'keep', or 'owned=keep'; a policy that the contract does not have is an
// error, because a misspelt policy would silently stay at its default.
Mode parse_mode(std::string_view text);

// A contract needs a gate, and no column may play two roles. Throws 22023.
void check_consistent(const Spec &spec);

// What `after` would take away from `before`, a phrase each; empty when
// `after` only adds to it or makes it stricter.
std::vector<std::string> weakened(const Spec &before, const Spec &after);

// The arguments after a column was renamed; empty when it plays no role.
std::vector<std::string> renamed(const Spec &spec, std::string_view from, std::string_view to);

std::string join(const std::vector<std::string> &parts, std::string_view separator);

}  // namespace ratchet::core
