#include "command/manual.hpp"

#include <fmt/format.h>

#include <iterator>
#include <ratchet/version.hpp>
#include <vector>

#include "command/help.hpp"

namespace ratchet::cli {

namespace {

// A command with the words that lead to it, without the program's name: "race gate".
struct entry {
  std::string path;
  const CLI::App *command;
};

void collect(const CLI::App &command, const std::string &path, std::vector<entry> &entries) {
  entries.push_back({path, &command});
  for (const auto *sub : subcommands_of(command)) {
    collect(*sub, path.empty() ? sub->get_name() : path + ' ' + sub->get_name(), entries);
  }
}

std::vector<entry> entries_of(const CLI::App &app) {
  std::vector<entry> entries;
  collect(app, "", entries);
  return entries;
}

std::vector<const CLI::Option *> options_of(const CLI::App &command) {
  return command.get_options([](const CLI::Option *option) { return !option->get_group().empty(); });
}

// "-h", "--host": as they are typed.
std::vector<std::string> flags_of(const CLI::Option &option) {
  std::vector<std::string> flags;
  for (const auto &name : option.get_snames()) flags.push_back('-' + name);
  for (const auto &name : option.get_lnames()) flags.push_back("--" + name);
  return flags;
}

bool takes_value(const CLI::Option &option) { return option.get_items_expected_max() > 0; }

std::string joined(const std::vector<std::string> &words, const char *between) {
  std::string text;
  for (const auto &word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// What troff would take for a command is kept from the beginning of a line.
std::string troff(const std::string &text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool first = i == 0 || text[i - 1] == '\n';
    if (first && (text[i] == '.' || text[i] == '\'')) escaped += "\\&";
    if (text[i] == '\\') {
      escaped += "\\e";
    } else if (text[i] == '-') {
      escaped += "\\-";
    } else {
      escaped += text[i];
    }
  }
  return escaped;
}

std::string as_they_are(const std::string &text) {
  return ".nf\n" + troff(text) + (text.back() == '\n' ? "" : "\n") + ".fi\n";
}

void append_options(std::string &page, const CLI::App &command) {
  for (const auto *option : options_of(command)) {
    const auto flags = option->nonpositional() ? joined(flags_of(*option), ", ") : option->get_name(true);
    const auto value = option->nonpositional() && takes_value(*option) ? " " + option->get_type_name() : std::string{};
    fmt::format_to(std::back_inserter(page), ".TP\n.B {}\n{}\n", troff(flags + value),
                   troff(option->get_description()));
  }
}

// The same in both shells: cases that make "said" of the words that name a command, and of that the words to "offer".
struct cases {
  std::string said;
  std::string offer;
};

cases cases_of(const CLI::App &app) {
  cases all;
  for (const auto &[path, command] : entries_of(app)) {
    std::vector<std::string> offered;
    for (const auto *sub : subcommands_of(*command)) offered.push_back(sub->get_name());
    for (const auto *option : options_of(*command)) {
      const auto flags = flags_of(*option);
      offered.insert(offered.end(), flags.begin(), flags.end());
    }
    const char *before = path.find(' ') == std::string::npos ? " " : "";
    if (!path.empty()) fmt::format_to(std::back_inserter(all.said), "      '{}{}') said='{}' ;;\n", before, path, path);
    fmt::format_to(std::back_inserter(all.offer), "    '{}') offer=({}) ;;\n", path, joined(offered, " "));
  }
  return all;
}

}  // namespace

std::string man_page(const CLI::App &app) {
  std::string page = fmt::format(
      ".TH PG_RATCHET 1 \"\" \"pg_ratchet {}\" \"ratchet\"\n.SH NAME\npg_ratchet \\- {}\n.SH SYNOPSIS\n.B pg_ratchet\n"
      ".I COMMAND\n[\\fIOPTION\\fR ...]\n.SH DESCRIPTION\n{}\n",
      RATCHET_VERSION, troff(summary_of(app)), troff(details_of(app)));
  page += ".SH OPTIONS\n";
  append_options(page, app);
  for (const auto &[path, command] : entries_of(app)) {
    if (path.empty()) continue;
    fmt::format_to(std::back_inserter(page), ".SH PG_RATCHET {}\n{}\n.PP\n", troff(path), troff(summary_of(*command)));
    if (const auto details = details_of(*command); !details.empty()) page += as_they_are(details);
    append_options(page, *command);
    if (const auto footer = command->get_footer(); !footer.empty()) page += ".PP\n" + as_they_are(footer);
  }
  return page;
}

std::string bash_completion(const CLI::App &app) {
  const auto [said, offer] = cases_of(app);
  return fmt::format(R"(# Completes the arguments of pg_ratchet in bash.
_pg_ratchet() {{
  local said='' word
  local -a offer=()
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$said $word" in
{}    esac
  done
  case "$said" in
{}  esac
  COMPREPLY=($(compgen -W "${{offer[*]}}" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _pg_ratchet pg_ratchet
)",
                     said, offer);
}

std::string zsh_completion(const CLI::App &app) {
  const auto [said, offer] = cases_of(app);
  return fmt::format(R"(#compdef pg_ratchet
# Completes the arguments of pg_ratchet in zsh.
_pg_ratchet() {{
  local said='' word
  local -a offer
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$said $word" in
{}    esac
  done
  case "$said" in
{}  esac
  compadd -a offer || _files
}}
_pg_ratchet "$@"
)",
                     said, offer);
}

void declare_generate(CLI::App &app) {
  app.add_option_function<std::string>(
         "--generate",
         [&app](const std::string &kind) {
           fmt::print("{}", kind == "man"    ? man_page(app)
                            : kind == "bash" ? bash_completion(app)
                                             : zsh_completion(app));
           throw CLI::Success{};
         },
         "Prints the man page, or what completes the command in bash or zsh")
      ->check(CLI::IsMember({"man", "bash", "zsh"}))
      ->trigger_on_parse()
      ->group("");
}

}  // namespace ratchet::cli
