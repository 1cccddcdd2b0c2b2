// How the command explains itself: help of one screen, and what it says to a word that it does not know.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ratchet::cli {

// Prints usage before anything else, of a subcommand in a list only the first line of its description, and the rest of
// a description behind the options.
class help_formatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App *app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_subcommand(const CLI::App *sub) const override;
};

// The first line of a description, and what comes after it.
std::string summary_of(const CLI::App &command);
std::string details_of(const CLI::App &command);

// The subcommands that are shown, in their order.
std::vector<const CLI::App *> subcommands_of(const CLI::App &command);

// That of the words which is most like this one, if any is like enough for a slip of the hand; otherwise empty.
std::string nearest(std::string_view word, const std::vector<std::string> &words);

// What to say where these arguments name a subcommand that there is not; empty where they do not.
std::string unknown_subcommand(const CLI::App &app, const std::vector<std::string> &arguments);

}  // namespace ratchet::cli
