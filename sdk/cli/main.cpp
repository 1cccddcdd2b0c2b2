// The command line: lists the subcommands. Each has a file of its own that declares its arguments and runs it.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <ratchet/version.hpp>

#include "command/counters_arguments.hpp"
#include "command/describe.hpp"
#include "command/doctor.hpp"
#include "command/exit_code.hpp"
#include "command/health.hpp"
#include "command/help.hpp"
#include "command/init.hpp"
#include "command/list.hpp"
#include "command/manual.hpp"
#include "command/race.hpp"
#include "command/repair.hpp"
#include "command/session.hpp"
#include "command/sweep.hpp"
#include "command/top.hpp"
#include "command/verify.hpp"
#include "command/watch.hpp"

namespace {

// The code, unless what the command said has not arrived: a full disk, say.
int said(int code) {
  if (std::cout.flush() && std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  fmt::print(stderr, "pg_ratchet: cannot write to standard output: {}\n", std::strerror(errno));
  return ratchet::cli::exit_error;
}

int run(int argc, char **argv) {
  using namespace ratchet::cli;

  CLI::App app{"Race safety declared on PostgreSQL tables: the extension ratchet's command.", "pg_ratchet"};
  app.formatter(std::make_shared<help_formatter>());
  // -h is the host, as psql has it. What is set here all subcommands inherit.
  app.set_help_flag("--help", "Print this help, or that of a command, and exit");
  app.set_version_flag("--version", "pg_ratchet " RATCHET_VERSION);
  app.footer("pg_ratchet COMMAND --help says all about one of them.");
  app.require_subcommand(1);
  declare_generate(app);

  race_arguments race_asked;
  init_arguments init_asked;
  session_options list_asked;
  watch_arguments watch_asked;
  counters_arguments verify_asked;
  counters_arguments repair_asked;
  sweep_arguments sweep_asked;
  top_arguments top_asked;
  session_options health_asked;
  session_options doctor_asked;
  describe_arguments describe_asked;
  const auto &race_command = declare_race(app, race_asked);
  const auto &init_command = declare_init(app, init_asked);
  const auto &list_command = declare_list(app, list_asked);
  const auto &describe_command = declare_describe(app, describe_asked);
  const auto &health_command = declare_health(app, health_asked);
  const auto &doctor_command = declare_doctor(app, doctor_asked);
  const auto &watch_command = declare_watch(app, watch_asked);
  const auto &verify_command = declare_verify(app, verify_asked);
  const auto &repair_command = declare_repair(app, repair_asked);
  const auto &sweep_command = declare_sweep(app, sweep_asked);
  const auto &top_command = declare_top(app, top_asked);

  if (const auto fault = unknown_subcommand(app, {argv + 1, argv + argc}); !fault.empty()) {
    fmt::print(stderr, "{}", fault);
    return exit_error;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? exit_fine : exit_error;
  }
  if (race_command.parsed()) return race(race_asked);
  if (init_command.parsed()) return init(init_asked);
  if (list_command.parsed()) return list_contracts(list_asked);
  if (describe_command.parsed()) return describe(describe_asked);
  if (health_command.parsed()) return health(health_asked);
  if (doctor_command.parsed()) return examine(doctor_asked);
  if (watch_command.parsed()) return watch(watch_asked);
  if (verify_command.parsed()) return verify_counters(verify_asked);
  if (repair_command.parsed()) return repair_counters(repair_asked);
  if (sweep_command.parsed()) return sweep_rows(sweep_asked);
  if (top_command.parsed()) return watch_top(top_asked);
  return exit_error;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    return said(run(argc, argv));
  } catch (const std::exception &e) {
    fmt::print(stderr, "pg_ratchet: {}\n", e.what());
    return ratchet::cli::exit_error;
  }
}
