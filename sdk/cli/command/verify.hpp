// The subcommand verify.
#pragma once

#include <CLI/CLI.hpp>

#include "command/counters_arguments.hpp"
#include "command/exit_code.hpp"

namespace ratchet::cli {

CLI::App &declare_verify(CLI::App &app, counters_arguments &arguments);
exit_code verify_counters(const counters_arguments &arguments);

}  // namespace ratchet::cli
