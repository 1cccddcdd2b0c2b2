// The subcommand doctor.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "command/exit_code.hpp"
#include "command/session.hpp"

namespace ratchet::cli {

CLI::App &declare_doctor(CLI::App &app, session_options &arguments);
exit_code examine(const session_options &arguments);

// How much something matters: an error is not enforced, a warning is not on some path, a note is worth knowing.
enum class weight { note, warning, error };

struct diagnosis {
  weight matters = weight::note;
  std::string what;
  std::string remedy;
};

// A: nothing to do; B: notes only; C: a warning; F: something is not enforced.
char grade_of(const std::vector<diagnosis> &found);

}  // namespace ratchet::cli
