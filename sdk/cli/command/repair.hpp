// The subcommand repair.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "command/counters_arguments.hpp"
#include "command/exit_code.hpp"

namespace ratchet::cli {

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
