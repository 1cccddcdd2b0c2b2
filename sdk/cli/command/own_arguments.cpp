#include "command/own_arguments.hpp"

#include <pqxx/pqxx>
#include <stdexcept>

#include "command/duration.hpp"

namespace ratchet::cli {

using namespace std::chrono_literals;

namespace {

constexpr const char *group = "Own scripts and commands";

void add_step(CLI::App &race, const std::string &name, own::source &source, const std::string &what) {
  auto *script =
      race.add_option("--" + name, source.script, "SQL script that " + what)->type_name("FILE")->group(group);
  race.add_option("--" + name + "-cmd", source.command, "The same, as a command")
      ->type_name("COMMAND")
      ->excludes(script)
      ->group(group);
}

bool needs_database(const own::source &source) { return !source.script.empty(); }

}  // namespace

const char *const own_help =
    R"(Races your own scripts or commands, on your own tables.

They are given by --create, --update, --submit and --check. Each round creates a row, lets the writers meet at it, and asks the check what became of it:
  create   ends with a query, whose columns are variables for all others, the first of them also as key
  update   is run by --writers at once
  submit   is run by --submitters, released at the same moment. It succeeds unless a statement fails, its last query
           answers no row, or that begins with a boolean that is not true
  check    ends with a query: a boolean that must be true, or rows that are wrong, none of them if all is fine
  cleanup  removes the row; with --keep-failed not after a round that the check complained about
In scripts :name is a variable, as a quoted literal. \gset in place of the semicolon makes variables of the columns
of a row; \sleep :think_ms ms waits. There are key, round, writer (its number), think_ms (a random time up to
--think), for the check also submitted, refused and updated (how many were), and the columns of create and \gset.
Commands (--update-cmd and so on) are split into words as a shell does, but run without one. {name} is a variable in
a word, RATCHET_NAME in the environment. Exit status 0 is success. create prints the key as its last line.)";

void declare_own(CLI::App &race, own_arguments &arguments) {
  auto &options = arguments.options;
  race.add_option("--setup", options.setup, "SQL script that runs once before everything, as to create tables")
      ->type_name("FILE")
      ->group(group);
  add_step(race, "create", options.create, "creates a row and answers its key");
  add_step(race, "update", options.update, "updates it");
  add_step(race, "submit", options.submit, "submits it");
  add_step(race, "check", options.check, "tells whether something was lost");
  add_step(race, "cleanup", options.cleanup, "removes it");
  race.add_option("--submitters", options.submitters, "Submits in each round (default: 1)")
      ->check(CLI::Range(1, 64))
      ->type_name("N")
      ->group(group);
  add_duration(race, "--jitter", options.jitter, 0ms, 10s, "Longest random time before a writer starts (default: none)")
      ->group(group);
  add_duration(race, "--wait", options.wait, 0ms, 24h,
               "How long the check is asked again until it is satisfied (default: once)")
      ->group(group);
  add_duration(race, "--limit", arguments.limit, 1ms, 24h, "Longest time of a statement or command (default: 30s)")
      ->group(group);
  race.add_flag("--keep-failed", options.keep_failed, "Leave the rows of failed rounds to look at, and list them")
      ->group(group);
}

own::options own_race_of(const own_arguments &arguments, const race_settings &settings) {
  auto options = arguments.options;
  static_cast<race_settings &>(options) = settings;
  options.around.delay = settings.delay;
  options.around.limit = std::chrono::duration_cast<std::chrono::milliseconds>(arguments.limit);
  if (!options.create.given() || !options.submit.given() || !options.check.given()) {
    throw std::runtime_error("own scripts need --create, --submit and --check, each as a script or as a command");
  }
  if (!options.update.given() && options.submitters < 2) {
    throw std::runtime_error("nobody to race with: add --update or --update-cmd, or --submitters 2");
  }
  return options;
}

bool needs_database(const own::options &options) {
  return !options.setup.empty() || needs_database(options.create) || needs_database(options.update) ||
         needs_database(options.submit) || needs_database(options.check) || needs_database(options.cleanup);
}

std::map<std::string, std::string> server_environment(const std::string &dsn) {
  pqxx::connection connection{dsn};
  pqxx::nontransaction session{connection};
  return {{"PGHOST", std::string{connection.hostname()}},
          {"PGPORT", session.exec("SHOW port")[0][0].as<std::string>()},  // libpqxx 8 has another way than 6
          {"PGUSER", std::string{connection.username()}},
          {"PGDATABASE", std::string{connection.dbname()}}};
}

}  // namespace ratchet::cli
