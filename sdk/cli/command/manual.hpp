// Man pages and completions of shells, written from the commands as they are declared, so that neither can say anything
// else than --help. The build runs the command for them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace ratchet::cli {

// One page with all commands, for troff.
std::string man_page(const CLI::App &app);

std::string bash_completion(const CLI::App &app);
std::string zsh_completion(const CLI::App &app);

// Adds the hidden --generate FILE-KIND, which prints one of them: man, bash or zsh.
void declare_generate(CLI::App &app);

}  // namespace ratchet::cli
