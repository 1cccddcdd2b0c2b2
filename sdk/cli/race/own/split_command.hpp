// Commands as the user writes them in one argument.
#pragma once

#include <string>
#include <vector>

namespace ratchet::cli::own {

// The words of a command: separated by spaces, kept together by '...', "..." and backslashes as in a shell. Nothing
// else that a shell does: no variables, no pipes, no globs. Throws std::runtime_error if a quote does not end or there
// is no word.
std::vector<std::string> split_command(const std::string &text);

}  // namespace ratchet::cli::own
