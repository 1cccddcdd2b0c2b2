// The subcommand describe.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "command/exit_code.hpp"
#include "command/session.hpp"

namespace ratchet::cli {

struct describe_arguments : session_options {
  std::string table;
};

CLI::App &declare_describe(CLI::App &app, describe_arguments &arguments);
exit_code describe(const describe_arguments &arguments);

}  // namespace ratchet::cli
