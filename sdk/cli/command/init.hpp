// The subcommand init.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "command/exit_code.hpp"
#include "command/session.hpp"

namespace ratchet::cli {

struct init_arguments {
  std::string dsn;
  std::string schema;  // empty: all
};

CLI::App &declare_init(CLI::App &app, init_arguments &arguments);
exit_code init(const init_arguments &arguments);

}  // namespace ratchet::cli
