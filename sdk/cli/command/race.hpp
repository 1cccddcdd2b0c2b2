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

enum class race_kind { gate, counters, jobs, own };

// What the user asked for; lives as long as the parser that fills it.
struct race_arguments {
  race_kind kind = race_kind::gate;
  race_settings settings;
  own_arguments own;
  std::optional<int> rounds;
  std::optional<int> writers;
  std::vector<std::string> variants;
  std::string report;
  bool json = false;
  bool fsync = false;
};

// Adds the subcommand to the parser, with one of its own for each kind of race.
CLI::App &declare_race(CLI::App &app, race_arguments &arguments);

// Runs it on the main thread, with arguments that were parsed, and prints what it comes to.
exit_code race(race_arguments &arguments);

}  // namespace ratchet::cli
