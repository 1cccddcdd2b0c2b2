// Which database a command works on: what psql takes, or a whole connection string.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ratchet::cli {

// What was said of it, piece by piece.
struct connection_parts {
  std::string dsn;
  std::string host;
  std::string port;
  std::string user;
  std::string database;  // its name, or a connection string, as psql has it
};

// As a libpq connection string; empty where nothing was said. The pieces prevail over --dsn. Throws
// std::invalid_argument where they cannot be joined to a URI.
std::string conninfo_of(const connection_parts &parts);

// Adds -h, -p, -U, -d and --dsn. What they come to is in `dsn` once the command has been parsed.
void declare_connection(CLI::App &command, std::string &dsn);

}  // namespace ratchet::cli
