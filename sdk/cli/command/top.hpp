// The subcommand top.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "command/exit_code.hpp"
#include "command/session.hpp"
#include "top/interface.hpp"

namespace ratchet::cli {

struct top_arguments : session_options {
  double interval_s = 2;
  std::string older_than = "10 min";
  std::string view = "contracts";
  std::string filter;
  bool totals = false;
  bool once = false;
};

CLI::App &declare_top(CLI::App &app, top_arguments &arguments);
exit_code watch_top(const top_arguments &arguments);

}  // namespace ratchet::cli
