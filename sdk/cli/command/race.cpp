#include "command/race.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <pqxx/pqxx>
#include <random>
#include <stdexcept>

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

namespace {

const std::string race_help =
    std::string{
        R"(Lets Submit meet stale whole-row saves, and counts what is lost.

Each round creates a scorecard. Two or more connections then read it at once, think for a random time and write:
savers write every column back as they read it, with a new comment, as an ORM's save() does; the submitter closes
the gate (submitted_at). Afterwards the row is compared with what the writers were answered.

Three variants run one after the other:
  none    no guard; Submit saves its whole row
  any     ratchet.guard(gate_by => 'any'); Submit still saves its whole row, no change to the application
  submit  ratchet.guard(gate_by => 'submit'); Submit calls ratchet.submit()

With --runs it is about counters. Each round creates a run with a total; several connections then store its
results in batches and keep its count, thinking for a random time between reading what they save and saving it.
Whoever reaches the total completes the run. Afterwards the run is compared with its results. The variants:
  increment  read the count, think, store the results, save the sum
  recount    store the results, count them all, think, save the count; one transaction, READ COMMITTED
  refresh    store the results and commit; then count them all, think, save the count
  tally      ratchet.tally() keeps the count and completes; results are stored by ratchet.submit_batch()

With --jobs it is about the state of jobs. Each round creates a queued job, which three tasks then write at once:
the main task marks it as running and, in the end, as done with its result; the worker counts up its progress;
the heartbeat task says that it is alive, until the main task calls it off. Afterwards all versions of the job are
looked through, in the order in which they were committed. Then two workers take another queued job at once. The one
that has it stalls for longer than its lease, the job is swept and the other takes over; both write their result. The
variants:
  naive   no guard; each task and worker reads the row, thinks, and saves all of it
  guard   ratchet.guard(); each still saves the whole row, no change to the application. A transition that the
          contract does not have is an error by default (23R02); here it says mode => 'states=keep'. A worker whose
          save is out of date gets an error (23R04), by version and fence
  calls   ratchet.guard(); the tasks and workers call ratchet.advance(), ratchet.beat() and ratchet.sweep()

)"} +
    own_help +
    R"(

Without --dsn it starts a PostgreSQL server of its own in a temporary directory and removes it at the end; the
programs of PostgreSQL are found through pg_config (or $PG_CONFIG). With --dsn it works in new schemas named
ratchet_race_* of that database, touches nothing else there and drops them at the end. Own scripts run there as
they are, with the settings of the database and the role.

Exit code: 0 fine, 1 a variant with ratchet, or of your own, lost something, 2 bad usage or no connection,
130 interrupted.)";

constexpr const char *race_footer =
    R"(Examples:
  pg_ratchet race
  pg_ratchet race --rounds 1000 --writers 4 --think 5
  pg_ratchet race --dsn 'host=db dbname=staging' --variant any --json
  pg_ratchet race --runs
  pg_ratchet race --runs --writers 16 --variant recount --variant tally
  pg_ratchet race --jobs
  pg_ratchet race --setup tables.sql --create create.sql --update update.sql --submit submit.sql --check check.sql
  pg_ratchet race --dsn dbname=staging --create c.sql --submit s.sql --check v.sql --keep-failed --wait 3s \
      --update-cmd 'curl -fsS -X POST http://localhost:8000/scorecards/{key}/update'
)";

// The variants of one race, chosen by name out of all that it has. Throws std::runtime_error for a name of another
// race.
template <typename Variant>
std::vector<Variant> chosen(const std::vector<Variant> &all, const std::vector<std::string> &names) {
  if (names.empty()) return all;
  std::vector<Variant> result;
  for (const auto &name : names) {
    const auto found = std::find_if(all.begin(), all.end(), [&](Variant kind) { return to_string(kind) == name; });
    if (found == all.end())
      throw std::runtime_error("variant '" + name + "' is of another race: see --runs and --jobs");
    result.push_back(*found);
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
  if (arguments.runs || arguments.jobs || !arguments.variants.empty() || arguments.settings.keep) {
    throw std::runtime_error("--runs, --jobs, --variant and --keep are of other races than that with own scripts");
  }
  auto options = own_race_of(arguments.own, arguments.settings);
  if (options.dsn.empty() && needs_database(options)) {
    if (options.keep_failed) throw std::runtime_error("--keep-failed needs --dsn: a throwaway server keeps nothing");
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

int default_rounds(const race_arguments &arguments) {
  if (own_race_asked(arguments.own)) return 50;
  return arguments.runs || arguments.jobs ? 60 : 200;
}

// The race that was asked for; answers whether ratchet lost nothing.
bool run_chosen(const race_arguments &arguments, throwaway_server &server, const std::atomic<bool> &stop) {
  const auto &settings = arguments.settings;
  if (own_race_asked(arguments.own)) return run_and_tell_own(arguments, server, stop);
  if (arguments.runs) return run_and_tell(counters::options{settings}, arguments, server, stop);
  if (arguments.jobs) return run_and_tell(jobs::options{settings}, arguments, server, stop);
  return run_and_tell(gate::options{settings}, arguments, server, stop);
}

}  // namespace

CLI::App &declare_race(CLI::App &app, race_arguments &arguments) {
  auto &race = *app.add_subcommand("race", race_help);
  auto &settings = arguments.settings;
  settings.seed = std::random_device{}();
  auto *runs = race.add_flag("--runs", arguments.runs, "Race for the counters of runs instead of a gate");
  auto *jobs = race.add_flag("--jobs", arguments.jobs, "Race for the state of jobs instead of a gate")->excludes(runs);
  race.add_option("-n,--rounds", arguments.rounds,
                  "Rounds in each variant (default: 200; with --runs or --jobs 60, own scripts 50)")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N");
  race.add_option("--writers", arguments.writers,
                  "Stale savers in each round, beside the submitter (default: 1); with --runs, writers (default: 4)")
      ->check(CLI::Range(1, 64))
      ->excludes(jobs)
      ->type_name("N");
  race.add_option("--think", arguments.think_ms, "Longest time between reading and writing, in milliseconds")
      ->check(CLI::Range(0.0, 10000.0))
      ->type_name("MS")
      ->capture_default_str();
  race.add_option("--delay", arguments.delay_ms,
                  "Simulated network: a round trip takes that much longer, half before sending, half after the answer")
      ->check(CLI::Range(0.0, 10000.0))
      ->type_name("MS");
  race.add_option("--variant", arguments.variants, "Run this variant only; may be given again")
      ->check(CLI::IsMember(
          {"none", "any", "submit", "increment", "recount", "refresh", "tally", "naive", "guard", "calls"}))
      ->allow_extra_args(false)
      ->type_name("NAME");
  race.add_option("--dsn", settings.dsn,
                  "Existing database, as a libpq connection string; libpq's PG* variables fill in what it leaves out")
      ->type_name("CONNINFO");
  race.add_option("--seed", settings.seed, "Seed of the think times, to repeat a run (default: random)")
      ->type_name("N");
  race.add_flag("--keep", settings.keep, "Keep the schemas; only with --dsn")->needs("--dsn");
  race.add_flag("--fsync", arguments.fsync, "Let the throwaway server wait for the disk at commit")->excludes("--dsn");
  race.add_flag("--json", arguments.json, "Print JSON instead of a table");
  race.add_option("--report", arguments.report, "Write a page (HTML) with the timelines to this file, too")
      ->type_name("FILE");
  declare_own(race, arguments.own);
  race.footer(race_footer);
  return race;
}

exit_code race(race_arguments &arguments) {
  auto &settings = arguments.settings;
  settings.think = std::chrono::microseconds{static_cast<long>(arguments.think_ms * 1000)};
  settings.delay = std::chrono::microseconds{static_cast<long>(arguments.delay_ms * 1000)};
  settings.rounds = arguments.rounds.value_or(default_rounds(arguments));
  settings.writers = arguments.writers.value_or(arguments.runs ? 4 : 1);
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
    return run_chosen(arguments, server, stop) ? exit_fine : exit_lost;
  } catch (const interrupted &) {
    fmt::print(stderr, "pg_ratchet: interrupted\n");
    return exit_interrupted;
  } catch (const std::exception &e) {
    fmt::print(stderr, "pg_ratchet: {}\n", e.what());
    return exit_error;
  }
}

}  // namespace ratchet::cli
