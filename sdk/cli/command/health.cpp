#include "command/health.hpp"

#include <fmt/format.h>

#include "command/json_text.hpp"

namespace ratchet::cli {

namespace {

void print_findings(const rows &found) {
  for (const auto &line : found) {
    fmt::print("{}: {}\n  {}\n  What to do: {}\n\n", line[0].value_or(""), line[1].value_or("the whole database"),
               line[2].value_or(""), line[3].value_or(""));
  }
  if (found.empty()) fmt::print("All contracts are enforced.\n");
}

}  // namespace

CLI::App &declare_health(CLI::App &app, session_options &arguments) {
  auto &command = *app.add_subcommand("health",
                                      R"(Lists contracts that are not enforced, with what to do about it.

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

}  // namespace ratchet::cli
