// The subcommand race: its arguments, and what they make of them.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "command/exit_code.hpp"
#include "command/own_arguments.hpp"
#include "race/settings.hpp"

namespace ratchet::cli {

// What the user asked for; lives as long as the parser that fills it.
struct race_arguments {
  race_settings settings;
  own_arguments own;
  std::optional<int> rounds;
  std::optional<int> writers;
  std::vector<std::string> variants;
  double think_ms = 20;
  double delay_ms = 0;
  std::string report;
  bool runs = false;
  bool jobs = false;
  bool json = false;
  bool fsync = false;
};

// Adds the subcommand to the parser.
CLI::App &declare_race(CLI::App &app, race_arguments &arguments);

// Runs it on the main thread, with arguments that were parsed, and prints what it comes to.
exit_code race(race_arguments &arguments);

}  // namespace ratchet::cli
