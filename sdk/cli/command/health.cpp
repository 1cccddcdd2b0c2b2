#include "command/health.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace ratchet::cli {

namespace {

// An array of objects, a member for each column.
std::string json_text(const rows &answer, const std::vector<std::string> &columns) {
  auto all = nlohmann::json::array();
  for (const auto &line : answer) {
    nlohmann::json object;
    for (std::size_t i = 0; i < columns.size(); ++i)
      object[columns[i]] = line[i] ? nlohmann::json(*line[i]) : nlohmann::json{};
    all.push_back(std::move(object));
  }
  return all.dump(2);
}

void print_findings(const rows &found) {
  for (const auto &line : found) {
    fmt::print("{}: {}\n  {}\n  What to do: {}\n\n", line[0].value_or(""), line[1].value_or("the whole database"),
               line[2].value_or(""), line[3].value_or(""));
  }
  if (found.empty()) fmt::print("All contracts are enforced.\n");
}

void print_rules(const rows &found) {
  for (const auto &line : found) {
    fmt::print("{}{}{}\n  {}\n", line[0].value_or(""), line[0] ? ": " : "", line[1].value_or(""), line[2].value_or(""));
  }
  if (found.empty()) fmt::print("This table has no contract.\n");
}

}  // namespace

CLI::App &declare_health(CLI::App &app, session_options &arguments) {
  auto &command =
      *app.add_subcommand("health",
                          R"(Lists contracts that are disabled, defeated or out of date, each with what to do about it.

error: not enforced, or refused at the next write; warning: not enforced on some path.

Exit code: 0 no finding, 1 findings, 2 bad usage or an error, 130 interrupted.)");
  declare_session(command, arguments);
  command.footer("Examples:\n  pg_ratchet health\n  pg_ratchet health --dsn 'host=db dbname=app' --json\n");
  return command;
}

exit_code health(const session_options &arguments) {
  return with_session(arguments, [&](session &database) {
    const auto found =
        database.run({"SELECT severity, target::pg_catalog.text, finding, remedy FROM ratchet.health()"
                      " ORDER BY severity, target::pg_catalog.text, finding",
                      {}});
    if (arguments.json) {
      fmt::print("{}\n", json_text(found, {"severity", "target", "finding", "remedy"}));
    } else {
      print_findings(found);
    }
    return found.empty() ? exit_fine : exit_lost;
  });
}

CLI::App &declare_describe(CLI::App &app, describe_arguments &arguments) {
  auto &command = *app.add_subcommand(
      "describe",
      R"(Says in sentences what the contracts of a table are: column by column who may write it, when, and what
a stale write gets.

Exit code: 0 fine, also where there is no contract, 2 bad usage or an error, 130 interrupted.)");
  command.add_option("table", arguments.table, "The table, as in SQL")->required();
  declare_session(command, arguments);
  command.footer("Examples:\n  pg_ratchet describe scorecards\n  pg_ratchet describe app.runs --json\n");
  return command;
}

exit_code describe(const describe_arguments &arguments) {
  return with_session(arguments, [&](session &database) {
    const auto found = database.run(
        {"SELECT \"column\", policy, rule FROM ratchet.describe($1::pg_catalog.regclass)", {arguments.table}});
    if (arguments.json) {
      fmt::print("{}\n", json_text(found, {"column", "policy", "rule"}));
    } else {
      print_rules(found);
    }
    return exit_fine;
  });
}

}  // namespace ratchet::cli
