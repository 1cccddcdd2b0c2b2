// The command line. Reads arguments, chooses the database, and turns results into output and exit codes.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <pqxx/pqxx>
#include <random>
#include <ratchet/version.hpp>
#include <string>
#include <vector>

#include "interrupt_watch.hpp"
#include "race.hpp"
#include "race_report.hpp"
#include "throwaway_server.hpp"

namespace {

using namespace ratchet::cli;
using ratchet::support::forget_pg_environment;
using ratchet::support::interrupt_watch;
using ratchet::support::throwaway_server;

enum exit_code { exit_fine = 0, exit_lost = 1, exit_error = 2, exit_interrupted = 130 };

struct race_arguments {
  race_options options;
  std::vector<std::string> variants;
  double think_ms = 20;
  bool json = false;
  bool fsync = false;
};

constexpr const char *race_help =
    "Lets Submit meet stale whole-row saves, and counts what is lost.\n\n"
    "Each round creates a scorecard. Two or more connections then read it at once, think for a random time and write:\n"
    "savers write every column back as they read it, with a new comment, as an ORM's save() does; the submitter "
    "closes\n"
    "the gate (submitted_at). Afterwards the row is compared with what the writers were answered.\n\n"
    "Three variants run one after the other:\n"
    "  none    no guard; Submit saves its whole row\n"
    "  any     ratchet.guard(gate_by => 'any'); Submit still saves its whole row, no change to the application\n"
    "  submit  ratchet.guard(gate_by => 'submit'); Submit calls ratchet.submit()\n\n"
    "Without --dsn it starts a PostgreSQL server of its own in a temporary directory and removes it at the end; the\n"
    "programs of PostgreSQL are found through pg_config (or $PG_CONFIG). With --dsn it works in new schemas named\n"
    "ratchet_race_* of that database, touches nothing else there and drops them at the end.\n\n"
    "Exit code: 0 fine, 1 a guarded variant lost something, 2 bad usage or no connection, 130 interrupted.";

constexpr const char *race_footer =
    "Examples:\n"
    "  pg_ratchet race\n"
    "  pg_ratchet race --rounds 1000 --writers 4 --think 5\n"
    "  pg_ratchet race --dsn 'host=db dbname=staging' --variant any --json\n";

void declare_race(CLI::App &race, race_arguments &arguments) {
  auto &options = arguments.options;
  race.add_option("--rounds", options.rounds, "Rounds in each variant")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N")
      ->capture_default_str();
  race.add_option("--writers", options.writers, "Stale savers in each round, beside the submitter")
      ->check(CLI::Range(1, 64))
      ->type_name("N")
      ->capture_default_str();
  race.add_option("--think", arguments.think_ms, "Longest time between reading and writing, in milliseconds")
      ->check(CLI::Range(0.0, 10000.0))
      ->type_name("MS")
      ->capture_default_str();
  race.add_option("--variant", arguments.variants, "Run this variant only; may be given again")
      ->check(CLI::IsMember({"none", "any", "submit"}))
      ->allow_extra_args(false)
      ->type_name("NAME");
  race.add_option("--dsn", options.dsn,
                  "Existing database, as a libpq connection string; libpq's PG* variables fill in what it leaves out")
      ->type_name("CONNINFO");
  race.add_option("--seed", options.seed, "Seed of the think times, to repeat a run (default: random)")->type_name("N");
  race.add_flag("--keep", options.keep, "Keep the schemas; only with --dsn")->needs("--dsn");
  race.add_flag("--fsync", arguments.fsync, "Let the throwaway server wait for the disk at commit")->excludes("--dsn");
  race.add_flag("--json", arguments.json, "Print JSON instead of a table");
  race.footer(race_footer);
}

// A bar on stderr, only where somebody watches.
class progress_bar {
 public:
  explicit progress_bar(int rounds) : rounds_(rounds), shown_(isatty(STDERR_FILENO) == 1) {}
  ~progress_bar() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  progress_bar(const progress_bar &) = delete;
  progress_bar &operator=(const progress_bar &) = delete;

  void show(variant kind, int done) const {
    if (!shown_) return;
    constexpr int width = 40;
    const int filled = static_cast<int>(static_cast<long>(width) * done / rounds_);
    fmt::print(stderr, "\r{:<7}[{:=<{}}{: <{}}] {}/{}", to_string(kind), "", filled, "", width - filled, done, rounds_);
  }

 private:
  int rounds_;
  bool shown_;
};

// The throwaway server has nothing in it yet. What runs without a guard runs without the extension, too.
std::string prepare(throwaway_server &server, const std::vector<variant> &variants) {
  server.start();
  const auto dsn = server.create_database("race");
  if (variants == std::vector{variant::none}) return dsn;
  pqxx::connection connection{dsn};
  pqxx::nontransaction session{connection};
  session.exec("CREATE EXTENSION ratchet");
  return dsn;
}

int race(race_arguments &arguments) {
  auto &options = arguments.options;
  options.think = std::chrono::microseconds{static_cast<long>(arguments.think_ms * 1000)};
  if (!arguments.variants.empty()) {
    options.variants.clear();
    for (const auto &name : arguments.variants) options.variants.push_back(variant_from(name));
  }
  const bool own_server = options.dsn.empty();
  if (own_server) forget_pg_environment();

  // The first signal ends the race between two rounds, so that it tidies up; the second one does not wait for that.
  throwaway_server server{{arguments.fsync, options.writers + 10}};
  std::atomic<bool> stop = false;
  const interrupt_watch watch{[&] {
    if (!stop.exchange(true)) return false;
    server.stop();
    return true;
  }};

  try {
    if (own_server) options.dsn = prepare(server, options.variants);
    std::vector<race_report> reports;
    {
      const progress_bar bar{options.rounds};
      reports = run_race(
          options, [&](variant kind, int done) { bar.show(kind, done); }, stop);
    }
    fmt::print("{}", arguments.json ? as_json(options, reports).dump(2) + "\n" : as_text(options, reports));
    return guard_failed(reports) ? exit_lost : exit_fine;
  } catch (const interrupted &) {
    fmt::print(stderr, "pg_ratchet: interrupted\n");
    return exit_interrupted;
  } catch (const std::exception &e) {
    fmt::print(stderr, "pg_ratchet: {}\n", e.what());
    return exit_error;
  }
}

}  // namespace

int main(int argc, char **argv) {
  CLI::App app{"Race safety declared on PostgreSQL tables: the command line of the extension ratchet.", "pg_ratchet"};
  app.set_version_flag("--version", "pg_ratchet " RATCHET_VERSION);
  app.require_subcommand(1);

  race_arguments arguments;
  arguments.options.seed = std::random_device{}();
  auto &race_command = *app.add_subcommand("race", race_help);
  declare_race(race_command, arguments);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    return app.exit(e) == 0 ? exit_fine : exit_error;
  }
  return race(arguments);
}
