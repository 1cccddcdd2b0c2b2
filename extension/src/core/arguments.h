// core/arguments.h: contracts as trigger arguments of the form name=value.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace ratchet::core {

inline constexpr const char *invalid_argument = "22023";
inline constexpr const char *unenforceable = "42R01";

inline std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

// Calls take(name, value) for each argument. Throws 42R01 for what has no name.
inline void split_arguments(const std::vector<std::string_view> &arguments, const char *declared_with,
                            const std::function<void(std::string_view, std::string_view)> &take) {
  for (const std::string_view argument : arguments) {
    const auto equals = argument.find('=');
    if (equals == std::string_view::npos)
      throw error(unenforceable, "invalid contract argument " + quoted(argument), {},
                  std::string("Contracts are declared with ") + declared_with + ".");
    take(argument.substr(0, equals), argument.substr(equals + 1));
  }
}

[[noreturn]] inline void throw_unknown(std::string_view name, std::string_view value) {
  throw error(unenforceable, "unknown contract argument " + quoted(std::string(name) + "=" + std::string(value)), {},
              "The contract was declared by a newer version of ratchet, or by hand.");
}

// Sets what a contract has at most once.
inline void set_once(std::string &stored, std::string_view name, std::string_view value) {
  if (!stored.empty()) throw error(unenforceable, "contract names " + quoted(name) + " twice");
  if (value.empty()) throw error(unenforceable, "contract names no column for " + quoted(name));
  stored = value;
}

}  // namespace ratchet::core
