#include "command/describe.hpp"

#include <fmt/format.h>

#include "command/json_text.hpp"
#include "terminal/cell_text.hpp"

namespace ratchet::cli {

namespace {

void print_rules(const rows &found) {
  for (const auto &line : found) {
    fmt::print("{}{}{}\n  {}\n", printable(line[0].value_or("")), line[0] ? ": " : "", line[1].value_or(""),
               printable(line[2].value_or("")));
  }
  if (found.empty()) fmt::print("This table has no contract.\n");
}

}  // namespace

CLI::App &declare_describe(CLI::App &app, describe_arguments &arguments) {
  auto &command = *app.add_subcommand("describe",
                                      R"(Says in sentences what the contracts of a table are.

Column by column: who may write it, when, and what a stale write gets.

Exit code: 0 fine, also where there is no contract, 2 bad usage or an error, 130 interrupted.)");
  command.add_option("table", arguments.table, "The table, as in SQL")->required();
  declare_session(command, arguments);
  command.footer("Examples:\n  pg_ratchet describe scorecards\n  pg_ratchet describe app.runs --json\n");
  return command;
}

exit_code describe(const describe_arguments &arguments) {
  return with_session(arguments, [&](session &database) {
    const auto found = database.look(
        fmt::format("SELECT \"column\", policy, rule FROM ratchet.describe({}::pg_catalog.text::pg_catalog.regclass)",
                    database.quote(arguments.table)));
    if (arguments.json) {
      fmt::print("{}\n", json_text(found, {"column", "policy", "rule"}));
    } else {
      print_rules(found);
    }
    return exit_fine;
  });
}

}  // namespace ratchet::cli
