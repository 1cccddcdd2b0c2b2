// The subcommand sweep.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <ratchet/sweep.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "command/exit_code.hpp"
#include "command/session.hpp"

namespace ratchet::cli {

struct sweep_arguments : session_options {
  std::string table;
  std::chrono::microseconds older_than{0};
  std::string to;
  std::string state;
  std::string since;
  std::vector<std::string> set;
  std::optional<int> limit;
  bool dry_run = false;
};

CLI::App &declare_sweep(CLI::App &app, sweep_arguments &arguments);
exit_code sweep_rows(const sweep_arguments &arguments);

// "column=value" in its two parts; nothing where there is no column.
std::optional<std::pair<std::string, std::string>> assignment_of(std::string_view text);

// "2 d 3 h", "12 min", "45 s": the two largest units at most.
std::string age_text(std::chrono::microseconds age);

}  // namespace ratchet::cli
