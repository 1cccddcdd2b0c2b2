// The options of race that are about the user's own scripts and commands.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <map>
#include <string>

#include "race/own/race.hpp"

namespace ratchet::cli {

// As they are parsed.
struct own_arguments {
  own::options options;
  std::chrono::microseconds limit = std::chrono::seconds{30};
};

extern const char *const own_help;

void declare_own(CLI::App &race, own_arguments &arguments);

// The options of the race, complete but for its database. Throws std::runtime_error if a step is missing.
own::options own_race_of(const own_arguments &arguments, const race_settings &settings);

// Whether the race needs a database: commands bring their own.
bool needs_database(const own::options &options);

// PGHOST and so on, so that commands find a server that only we know.
std::map<std::string, std::string> server_environment(const std::string &dsn);

}  // namespace ratchet::cli
