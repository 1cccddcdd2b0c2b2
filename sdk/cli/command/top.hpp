// The subcommand top.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "command/exit_code.hpp"
#include "command/session.hpp"
#include "top/interface.hpp"

namespace ratchet::cli {

struct top_arguments : session_options {
  std::chrono::microseconds interval = std::chrono::seconds{2};
  std::chrono::microseconds older_than = std::chrono::minutes{10};
  std::string view = "contracts";
  std::string filter;
  bool totals = false;
  bool once = false;
};

CLI::App &declare_top(CLI::App &app, top_arguments &arguments);
exit_code watch_top(const top_arguments &arguments);

}  // namespace ratchet::cli
