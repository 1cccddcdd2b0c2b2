// The command line: lists the subcommands. Each has a file of its own that declares its arguments and runs it.
#include <CLI/CLI.hpp>
#include <ratchet/version.hpp>

#include "exit_code.hpp"
#include "race_command.hpp"

int main(int argc, char **argv) {
  using namespace ratchet::cli;

  CLI::App app{"Race safety declared on PostgreSQL tables: the command line of the extension ratchet.", "pg_ratchet"};
  app.set_version_flag("--version", "pg_ratchet " RATCHET_VERSION);
  app.require_subcommand(1);

  race_arguments race_asked;
  const auto &race_command = declare_race(app, race_asked);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? exit_fine : exit_error;
  }
  return race_command.parsed() ? race(race_asked) : exit_error;
}
