// The subcommand list.
#pragma once

#include <CLI/CLI.hpp>

#include "command/exit_code.hpp"
#include "command/session.hpp"

namespace ratchet::cli {

CLI::App &declare_list(CLI::App &app, session_options &arguments);
exit_code list_contracts(const session_options &arguments);

}  // namespace ratchet::cli
