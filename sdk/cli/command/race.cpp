#include "command/race.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iterator>
#include <pqxx/pqxx>
#include <random>
#include <stdexcept>

#include "command/connection.hpp"
#include "command/duration.hpp"
#include "interrupt_watch.hpp"
#include "race/counters/race.hpp"
#include "race/counters/report.hpp"
#include "race/gate/race.hpp"
#include "race/gate/report.hpp"
#include "race/jobs/race.hpp"
#include "race/jobs/report.hpp"
#include "race/own/process.hpp"
#include "race/own/report.hpp"
#include "report/page.hpp"
#include "terminal/progress_bar.hpp"
#include "throwaway_server.hpp"

namespace ratchet::cli {

using support::forget_pg_environment;
using support::interrupt_watch;
using support::throwaway_server;
using namespace std::chrono_literals;

namespace {

constexpr const char *race_help = R"(Races writers with and without ratchet, and counts what is lost.

Without -h, -p, -U, -d and --dsn it starts a PostgreSQL server of its own in a temporary directory and removes it at the
end; the programs of PostgreSQL are found through pg_config (or $PG_CONFIG). In a database that is there it works in new
schemas named ratchet_race_*, touches nothing else and drops them at the end. Own scripts run there as they are, with
the settings of the database and the role.

Exit code: 0 fine, 1 a variant with ratchet, or of your own, lost something, 2 bad usage or no connection,
130 interrupted.)";

constexpr const char *race_footer =
    R"(Examples:
  pg_ratchet race gate
  pg_ratchet race counters --writers 16 --variant recount --variant tally
  pg_ratchet race jobs -h db -d staging --report jobs.html
  pg_ratchet race own --help
)";

constexpr const char *gate_help = R"(Lets Submit meet stale whole-row saves of the same row.

Each round creates a scorecard. Two or more connections then read it at once, think for a random time and write:
savers write every column back as they read it, with a new comment, as an ORM's save() does; the submitter closes
the gate (submitted_at). Afterwards the row is compared with what the writers were answered.

Three variants run one after the other:
  none    no guard; Submit saves its whole row
  any     ratchet.guard(gate_by => 'any'); Submit still saves its whole row, no change to the application
  submit  ratchet.guard(gate_by => 'submit'); Submit calls ratchet.submit())";

constexpr const char *counters_help = R"(Lets writers store the results of a run at once, and keep its count.

Each round creates a run with a total; several connections then store its results in batches and keep its count,
thinking for a random time between reading what they save and saving it. Whoever reaches the total completes the run.
Afterwards the run is compared with its results. The variants:
  increment  read the count, think, store the results, save the sum
  recount    store the results, count them all, think, save the count; one transaction, READ COMMITTED
  refresh    store the results and commit; then count them all, think, save the count. Two writers may both see the
             total, and both complete the run
  tally      ratchet.tally() keeps the count and completes; results are stored by ratchet.submit_batch())";

constexpr const char *jobs_help = R"(Lets three tasks write one job, and two workers take one.

Each round creates a queued job, which three tasks then write at once: the main task marks it as running and, in the
end, as done with its result; the worker counts up its progress; the heartbeat task says that it is alive, until the
main task calls it off. Afterwards all versions of the job are looked through, in the order in which they were
committed. Then two workers take another queued job at once. The one that has it stalls for longer than its lease, the
job is swept and the other takes over; both write their result. The variants:
  naive   no guard; each task and worker reads the row, thinks, and saves all of it
  guard   ratchet.guard(); each still saves the whole row, no change to the application. A transition that the
          contract does not have is an error by default (23R02); here it says mode => 'states=keep'. A worker whose
          save is out of date gets an error (23R04), by version and fence
  calls   ratchet.guard(); the tasks and workers call ratchet.advance(), ratchet.beat() and ratchet.sweep())";

constexpr const char *own_footer =
    R"(Examples:
  pg_ratchet race own --setup tables.sql --create create.sql --update update.sql --submit submit.sql --check check.sql
  pg_ratchet race own -d staging --create c.sql --submit s.sql --check v.sql --keep-failed --wait 3s \
      --update-cmd 'curl -fsS -X POST http://localhost:8000/scorecards/{key}/update'
)";

// The variants of one race, chosen by name out of all that it has; the parser knows the names.
template <typename Variant>
std::vector<Variant> chosen(const std::vector<Variant> &all, const std::vector<std::string> &names) {
  if (names.empty()) return all;
  std::vector<Variant> result;
  for (const auto &name : names) {
    std::copy_if(all.begin(), all.end(), std::back_inserter(result),
                 [&](Variant kind) { return to_string(kind) == name; });
  }
  return result;
}

// The throwaway server has nothing in it yet. What runs without ratchet runs without the extension, too.
std::string prepare(throwaway_server &server, bool with_extension) {
  server.start();
  const auto dsn = server.create_database("race");
  if (!with_extension) return dsn;
  pqxx::connection connection{dsn};
  pqxx::nontransaction session{connection};
  session.exec("CREATE EXTENSION ratchet");
  return dsn;
}

void print(const race_arguments &arguments, const story &told, const nlohmann::json &json) {
  // Commands may print what is no UTF-8.
  fmt::print(
      "{}", arguments.json ? json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n" : as_text(told));
  if (!arguments.report.empty()) write_file(arguments.report, as_page(told));
}

// One race from its variants to its report; answers whether ratchet lost nothing. The functions are those of the
// options' namespace.
template <typename Options>
bool run_and_tell(Options options, const race_arguments &arguments, throwaway_server &server,
                  const std::atomic<bool> &stop) {
  options.variants = chosen(options.variants, arguments.variants);
  if (options.dsn.empty()) options.dsn = prepare(server, uses_ratchet(options.variants));
  const auto reports = [&] {
    const progress_bar bar{options.rounds};
    return run_race(
        options, [&](auto kind, int done) { bar.show(to_string(kind), done); }, stop);
  }();
  print(arguments, tell(options, reports), as_json(options, reports));
  return !ratchet_failed(reports);
}

// The same for the user's own scripts and commands.
bool run_and_tell_own(const race_arguments &arguments, throwaway_server &server, const std::atomic<bool> &stop) {
  auto options = own_race_of(arguments.own, arguments.settings);
  if (options.dsn.empty() && needs_database(options)) {
    if (options.keep_failed) throw std::runtime_error("--keep-failed needs a database that stays: -d or --dsn");
    options.dsn = prepare(server, false);
    options.throwaway = true;
    options.around.environment = server_environment(options.dsn);
  }
  options.around.dsn = options.dsn;
  const auto report = [&] {
    const progress_bar bar{options.rounds};
    return own::run_race(
        options, [&](int done) { bar.show("own", done); }, stop);
  }();
  print(arguments, tell(options, report), as_json(options, report));
  return report.failures.empty();
}

int default_rounds(race_kind kind) {
  switch (kind) {
    case race_kind::gate:
      return 200;
    case race_kind::own:
      return 50;
    default:
      return 60;
  }
}

// The race that was asked for; answers whether ratchet lost nothing.
bool run_chosen(const race_arguments &arguments, throwaway_server &server, const std::atomic<bool> &stop) {
  const auto &settings = arguments.settings;
  switch (arguments.kind) {
    case race_kind::gate:
      return run_and_tell(gate::options{settings}, arguments, server, stop);
    case race_kind::counters:
      return run_and_tell(counters::options{settings}, arguments, server, stop);
    case race_kind::jobs:
      return run_and_tell(jobs::options{settings}, arguments, server, stop);
    default:
      return run_and_tell_own(arguments, server, stop);
  }
}

// What all races have, and what the race is that is parsed.
CLI::App &declare_kind(CLI::App &race, race_arguments &arguments, race_kind kind, const char *name,
                       const std::string &help) {
  auto &command = *race.add_subcommand(name, help);
  auto &settings = arguments.settings;
  command
      .add_option("-n,--rounds", arguments.rounds,
                  fmt::format("Rounds in each variant (default: {})", default_rounds(kind)))
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  add_duration(command, "--think", settings.think, 0ms, 10s,
               "Longest time between reading and writing (default: " + text_of(settings.think) + ")");
  add_duration(command, "--delay", settings.delay, 0ms, 10s,
               "Simulated network: a round trip takes that much longer, half before sending, half after the answer");
  command.add_option("--seed", settings.seed, "Seed of the think times, to repeat a run (default: random)")
      ->type_name("N");
  command.add_flag("--fsync", arguments.fsync, "Let the throwaway server wait for the disk at commit");
  command.add_flag("--json", arguments.json, "Print JSON instead of a table");
  command.add_option("--report", arguments.report, "Write a page (HTML) with the timelines to this file, too")
      ->type_name("FILE");
  command.final_callback([&arguments, kind] { arguments.kind = kind; });
  declare_connection(command, settings.dsn);
  return command;
}

void declare_writers(CLI::App &command, race_arguments &arguments, const char *what) {
  command.add_option("--writers", arguments.writers, what)->check(CLI::Range(1, 64))->type_name("N");
}

// Of the races that ratchet brings along.
void declare_variants(CLI::App &command, race_arguments &arguments, const std::vector<std::string> &names) {
  command.add_option("--variant", arguments.variants, "Run this variant only; may be given again")
      ->check(CLI::IsMember(names))
      ->allow_extra_args(false)
      ->type_name("NAME");
  command.add_flag("--keep", arguments.settings.keep, "Keep the schemas, of a database that stays");
}

// Before the first round, and before anything is started.
void check_arguments(const race_arguments &arguments) {
  const bool throwaway = arguments.settings.dsn.empty();
  if (arguments.settings.keep && throwaway) throw std::runtime_error("--keep needs a database that stays: -d or --dsn");
  if (arguments.fsync && !throwaway)
    throw std::runtime_error("--fsync is for the throwaway server, not for a database that is there");
  if (!arguments.report.empty()) check_writable(arguments.report);
}

}  // namespace

CLI::App &declare_race(CLI::App &app, race_arguments &arguments) {
  auto &race = *app.add_subcommand("race", race_help);
  race.require_subcommand(1);
  race.footer(race_footer);
  arguments.settings.seed = std::random_device{}();

  auto &gate = declare_kind(race, arguments, race_kind::gate, "gate", gate_help);
  declare_writers(gate, arguments, "Stale savers in each round, beside the submitter (default: 1)");
  declare_variants(gate, arguments, {"none", "any", "submit"});
  auto &counters = declare_kind(race, arguments, race_kind::counters, "counters", counters_help);
  declare_writers(counters, arguments, "Writers in each round (default: 4)");
  declare_variants(counters, arguments, {"increment", "recount", "refresh", "tally"});
  auto &jobs = declare_kind(race, arguments, race_kind::jobs, "jobs", jobs_help);
  declare_variants(jobs, arguments, {"naive", "guard", "calls"});
  auto &own = declare_kind(race, arguments, race_kind::own, "own", own_help);
  declare_writers(own, arguments, "Updates in each round (default: 1)");
  declare_own(own, arguments.own);
  own.footer(own_footer);
  return race;
}

exit_code race(race_arguments &arguments) {
  auto &settings = arguments.settings;
  settings.rounds = arguments.rounds.value_or(default_rounds(arguments.kind));
  settings.writers = arguments.writers.value_or(arguments.kind == race_kind::counters ? 4 : 1);
  if (settings.dsn.empty()) forget_pg_environment();

  // The first signal ends the race between two rounds, so that it tidies up; the second one does not wait for that.
  throwaway_server server{{arguments.fsync, settings.writers + arguments.own.options.submitters + 10}};
  std::atomic<bool> stop = false;
  const interrupt_watch watch{[&] {
    if (!stop.exchange(true)) return false;
    own::kill_processes();
    server.stop();
    return true;
  }};

  try {
    check_arguments(arguments);
    return run_chosen(arguments, server, stop) ? exit_fine : exit_lost;
  } catch (const interrupted &) {
    fmt::print(stderr, "pg_ratchet: interrupted\n");
    return exit_interrupted;
  } catch (const std::exception &e) {
    std::string_view message{e.what()};
    while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
    fmt::print(stderr, "pg_ratchet: {}\n", message);
    return exit_error;
  }
}

}  // namespace ratchet::cli
