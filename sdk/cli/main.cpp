// The command line: lists the subcommands. Each has a file of its own that declares its arguments and runs it.
#include <CLI/CLI.hpp>
#include <ratchet/version.hpp>

#include "command/counters_arguments.hpp"
#include "command/describe.hpp"
#include "command/exit_code.hpp"
#include "command/health.hpp"
#include "command/race.hpp"
#include "command/repair.hpp"
#include "command/session.hpp"
#include "command/sweep.hpp"
#include "command/top.hpp"
#include "command/verify.hpp"
#include "command/watch.hpp"

int main(int argc, char **argv) {
  using namespace ratchet::cli;

  CLI::App app{"Race safety declared on PostgreSQL tables: the command line of the extension ratchet.", "pg_ratchet"};
  app.set_version_flag("--version", "pg_ratchet " RATCHET_VERSION);
  app.require_subcommand(1);

  race_arguments race_asked;
  watch_arguments watch_asked;
  counters_arguments verify_asked;
  counters_arguments repair_asked;
  sweep_arguments sweep_asked;
  top_arguments top_asked;
  session_options health_asked;
  describe_arguments describe_asked;
  const auto &race_command = declare_race(app, race_asked);
  const auto &watch_command = declare_watch(app, watch_asked);
  const auto &verify_command = declare_verify(app, verify_asked);
  const auto &repair_command = declare_repair(app, repair_asked);
  const auto &sweep_command = declare_sweep(app, sweep_asked);
  const auto &top_command = declare_top(app, top_asked);
  const auto &health_command = declare_health(app, health_asked);
  const auto &describe_command = declare_describe(app, describe_asked);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? exit_fine : exit_error;
  }
  if (race_command.parsed()) return race(race_asked);
  if (watch_command.parsed()) return watch(watch_asked);
  if (verify_command.parsed()) return verify_counters(verify_asked);
  if (repair_command.parsed()) return repair_counters(repair_asked);
  if (sweep_command.parsed()) return sweep_rows(sweep_asked);
  if (top_command.parsed()) return watch_top(top_asked);
  if (health_command.parsed()) return health(health_asked);
  if (describe_command.parsed()) return describe(describe_asked);
  return exit_error;
}
