#include "command/duration.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <utility>

namespace ratchet::cli {

namespace {

using std::chrono::microseconds;

constexpr std::array<std::pair<std::string_view, double>, 5> units{
    {{"ms", 1e3}, {"s", 1e6}, {"min", 60e6}, {"h", 3600e6}, {"d", 86400e6}}};

std::optional<double> unit_of(std::string_view word) {
  for (const auto &[name, length] : units)
    if (word == name) return length;
  for (const auto &[name, length] : {std::pair<std::string_view, double>{"millisecond", 1e3},
                                     {"sec", 1e6},
                                     {"second", 1e6},
                                     {"minute", 60e6},
                                     {"hour", 3600e6},
                                     {"day", 86400e6}})
    if (word == name || (word.size() == name.size() + 1 && word.back() == 's' && word.substr(0, name.size()) == name))
      return length;
  return std::nullopt;
}

std::string_view skip_blanks(std::string_view text) {
  const auto start = text.find_first_not_of(' ');
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

// The text up to the first of, or not of, these characters, which is taken off it.
std::string_view take(std::string_view &text, const char *characters) {
  const auto taken = text.substr(0, text.find_first_not_of(characters));
  text.remove_prefix(taken.size());
  return taken;
}

}  // namespace

std::optional<microseconds> duration_of(std::string_view text) {
  double sum = 0;
  text = skip_blanks(text);
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const std::string number{take(text, "0123456789.")};
    text = skip_blanks(text);
    const auto unit = unit_of(take(text, "abcdefghijklmnopqrstuvwxyz"));
    char *end = nullptr;
    const double count = std::strtod(number.c_str(), &end);
    if (number.empty() || *end != '\0' || !unit) return std::nullopt;
    sum += count * *unit;
    text = skip_blanks(text);
  }
  if (sum > 1e17) return std::nullopt;
  return microseconds{static_cast<std::int64_t>(sum + 0.5)};
}

std::string text_of(microseconds duration) {
  for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
    const auto length = static_cast<std::int64_t>(unit->second);
    if (duration.count() >= length && duration.count() % length == 0)
      return fmt::format("{}{}", duration.count() / length, unit->first);
  }
  return fmt::format("{:g}ms", static_cast<double>(duration.count()) / 1000);
}

CLI::Option *add_duration(CLI::App &command, const std::string &name, microseconds &value, microseconds least,
                          microseconds most, const std::string &what) {
  const auto read = [&value, name, least, most](const std::string &text) {
    const auto duration = duration_of(text);
    if (!duration)
      throw CLI::ValidationError(name, "'" + text + "' is no time with a unit: write 20ms, 30s, 10min, 2h or 1d");
    if (*duration < least || *duration > most)
      throw CLI::ValidationError(name, "'" + text + "' is not between " + text_of(least) + " and " + text_of(most));
    value = *duration;
  };
  return command.add_option_function<std::string>(name, read, what)->type_name("TIME");
}

}  // namespace ratchet::cli
