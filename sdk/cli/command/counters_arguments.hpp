// What the subcommands about counters are told: verify and repair.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "command/session.hpp"

namespace ratchet::cli {

struct counters_arguments : session_options {
  std::string table;  // empty: all tallies of tables that the user owns
};

// Adds the table, --dsn and --json.
void declare_counters(CLI::App &command, counters_arguments &arguments);

}  // namespace ratchet::cli
