// The subcommands verify and repair.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "command/exit_code.hpp"
#include "command/session.hpp"

namespace ratchet::cli {

struct counters_arguments : session_options {
  std::string table;
};

CLI::App &declare_verify(CLI::App &app, counters_arguments &arguments);
exit_code verify_counters(const counters_arguments &arguments);

CLI::App &declare_repair(CLI::App &app, counters_arguments &arguments);
exit_code repair_counters(const counters_arguments &arguments);

// What ratchet.repair() tells after each hundred rows, "runs: 200 of 450 rows looked at, 3 repaired".
struct repair_step {
  std::string table;
  long long looked_at = 0;
  long long rows = 0;
  long long repaired = 0;
};

// Nothing for any other notice.
std::optional<repair_step> repair_step_of(std::string_view notice);

}  // namespace ratchet::cli
