#include "command/help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace ratchet::cli {

namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string summary_of(const CLI::App &command) {
  const auto text = command.get_description();
  return text.substr(0, text.find('\n'));
}

std::string details_of(const CLI::App &command) {
  const auto text = command.get_description();
  const auto end = text.find('\n');
  const auto start = end == std::string::npos ? end : text.find_first_not_of('\n', end);
  return start == std::string::npos ? "" : text.substr(start);
}

std::vector<const CLI::App *> subcommands_of(const CLI::App &command) {
  auto all = command.get_subcommands([](const CLI::App *sub) { return !sub->get_group().empty(); });
  return {all.begin(), all.end()};
}

std::string help_formatter::make_help(const CLI::App *app, std::string name, CLI::AppFormatMode mode) const {
  if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
  auto text = make_usage(app, std::move(name));
  text.erase(0, text.find_first_not_of('\n'));
  text += summary_of(*app) + '\n' + make_positionals(app) + make_groups(app, mode);
  const auto subcommands = subcommands_of(*app);
  if (!subcommands.empty()) text += "\nCommands:\n";
  for (const auto *sub : subcommands) text += make_subcommand(sub);
  if (const auto details = details_of(*app); !details.empty()) text += '\n' + details + '\n';
  if (const auto footer = app->get_footer(); !footer.empty())
    text += '\n' + footer + (footer.back() == '\n' ? "" : "\n");
  // The parts bring empty lines of their own.
  for (std::size_t at; (at = text.find("\n\n\n")) != std::string::npos;) text.erase(at, 1);
  return text;
}

std::string help_formatter::make_subcommand(const CLI::App *sub) const {
  return fmt::format("  {:<10} {}\n", sub->get_name(), summary_of(*sub));
}

std::string nearest(std::string_view word, const std::vector<std::string> &words) {
  // Two letters that changed places are two changes.
  std::size_t best = std::max<std::size_t>(word.size() < 4 ? 1 : 2, word.size() / 3) + 1;
  std::string found;
  for (const auto &candidate : words) {
    const auto apart = distance(word, candidate);
    if (apart >= best) continue;
    best = apart;
    found = candidate;
  }
  return found;
}

std::string unknown_subcommand(const CLI::App &app, const std::vector<std::string> &arguments) {
  const CLI::App *command = &app;
  std::string path = app.get_name();
  for (const auto &word : arguments) {
    const auto known = subcommands_of(*command);
    if (known.empty() || word.empty() || word[0] == '-') return {};
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const auto *sub) { return sub->get_name() == word; });
    if (found == known.end()) {
      std::vector<std::string> names;
      std::transform(known.begin(), known.end(), std::back_inserter(names),
                     [](const auto *sub) { return sub->get_name(); });
      const auto meant = nearest(word, names);
      return fmt::format("{}: there is no command '{}'{}\n", path, word,
                         meant.empty() ? "; see " + path + " --help" : ": did you mean '" + meant + "'?");
    }
    command = *found;
    path += ' ' + word;
  }
  return {};
}

}  // namespace ratchet::cli
