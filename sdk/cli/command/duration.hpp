// Times on the command line, in one form for all options: a number with its unit, such as 30s or 1.5h.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace ratchet::cli {

// "20ms", "30s", "10min", "2h", "1d", also with a space or the unit as a word, and several of them: "1h 30min". Nothing
// where it is no such text; a number without a unit is none.
std::optional<std::chrono::microseconds> duration_of(std::string_view text);

// "30s", "20ms": the largest unit that leaves no fraction.
std::string text_of(std::chrono::microseconds duration);

// An option whose value is a duration between these two, inclusive.
CLI::Option *add_duration(CLI::App &command, const std::string &name, std::chrono::microseconds &value,
                          std::chrono::microseconds least, std::chrono::microseconds most, const std::string &what);

}  // namespace ratchet::cli
