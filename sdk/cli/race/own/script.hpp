// SQL scripts, written as for psql and pgbench: statements that end with a semicolon, :name for variables, \gset and
// \sleep.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "race/own/variables.hpp"

namespace ratchet::cli::own {

struct script_statement {
  int line = 0;  // where it begins
  std::string text;
  bool sleeps = false;  // \sleep: the text is its argument
  bool gset = false;    // \gset: its only row becomes variables, named with this prefix
  std::string prefix;
};

struct script {
  std::string name;  // of its file, for messages
  std::vector<script_statement> statements;
};

// Splits the text. Throws std::runtime_error that begins with "name:line: ".
script parse_script(const std::string &name, const std::string &text);

// The same with a file. Throws also if it cannot be read or has no statement.
script read_script(const std::string &path);

// A statement with :name and :'name' replaced by literals. Throws std::runtime_error for a name that is not known.
std::string with_variables(const std::string &sql, const variables &known);

// How long \sleep sleeps: "5 ms", "2 s", ":think_ms ms", as pgbench writes it; seconds without a unit. Throws
// std::runtime_error if it is no time.
std::chrono::microseconds sleep_time(const std::string &argument, const variables &known);

// "u.sql:3", for messages.
std::string place_of(const script &of, const script_statement &statement);

}  // namespace ratchet::cli::own
