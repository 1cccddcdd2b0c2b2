#include "command/own_arguments.hpp"

#include <algorithm>
#include <pqxx/pqxx>
#include <stdexcept>

namespace ratchet::cli {

namespace {

// A time with its unit, in milliseconds.
const std::map<std::string, double> units{{"ms", 1}, {"s", 1000}, {"min", 60000}};

std::chrono::microseconds microseconds_of(double ms) { return std::chrono::microseconds{static_cast<long>(ms * 1000)}; }

// Adds options, and remembers them.
class declaration {
 public:
  declaration(CLI::App &race, std::vector<CLI::Option *> &declared) : race_(race), declared_(declared) {}

  template <typename Value>
  CLI::Option *option(const std::string &name, Value &value, const std::string &what) {
    return remember(race_.add_option(name, value, what));
  }

  CLI::Option *flag(const std::string &name, bool &value, const std::string &what) {
    return remember(race_.add_flag(name, value, what));
  }

  void step(const std::string &name, own::source &source, const std::string &what) {
    auto *script = option("--" + name, source.script, "SQL script that " + what)->type_name("FILE");
    option("--" + name + "-cmd", source.command, "The same, as a command")->type_name("COMMAND")->excludes(script);
  }

  void time(const std::string &name, double &ms, const std::string &what) {
    option(name, ms, what)
        ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::UNIT_REQUIRED))
        ->type_name("TIME");
  }

 private:
  CLI::Option *remember(CLI::Option *option) {
    declared_.push_back(option);
    return option->group("Own scripts and commands");
  }

  CLI::App &race_;
  std::vector<CLI::Option *> &declared_;
};

bool needs_database(const own::source &source) { return !source.script.empty(); }

}  // namespace

const char *const own_help =
    R"(With --create, --update, --submit and --check it runs your own scripts or commands on your own tables. Each round
creates a row, lets the writers meet at it, and asks the check what became of it:
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
  declaration add{race, arguments.declared};
  add.option("--setup", options.setup, "SQL script that runs once before everything, as to create tables")
      ->type_name("FILE");
  add.step("create", options.create, "creates a row and answers its key");
  add.step("update", options.update, "updates it");
  add.step("submit", options.submit, "submits it");
  add.step("check", options.check, "tells whether something was lost");
  add.step("cleanup", options.cleanup, "removes it");
  add.option("--submitters", options.submitters, "Submits in each round (default: 1)")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
  add.option("--jitter", arguments.jitter_ms, "Longest random time before a writer starts, in milliseconds")
      ->check(CLI::Range(0.0, 10000.0))
      ->type_name("MS");
  add.time("--wait", arguments.wait_ms, "How long the check is asked again until it is satisfied: 3s (default: once)");
  add.time("--limit", arguments.limit_ms, "Longest time of a statement or command (default: 30s)");
  add.flag("--keep-failed", options.keep_failed, "Leave the rows of failed rounds to look at, and list them");
}

bool own_race_asked(const own_arguments &arguments) {
  return std::any_of(arguments.declared.begin(), arguments.declared.end(),
                     [](const auto *option) { return option->count() > 0; });
}

own::options own_race_of(const own_arguments &arguments, const race_settings &settings) {
  auto options = arguments.options;
  static_cast<race_settings &>(options) = settings;
  options.jitter = microseconds_of(arguments.jitter_ms);
  options.wait = microseconds_of(arguments.wait_ms);
  options.around.delay = settings.delay;
  options.around.limit = std::chrono::milliseconds{static_cast<long>(arguments.limit_ms)};
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
