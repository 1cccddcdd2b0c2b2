#include "command/health.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "command/health_statistics.hpp"
#include "command/json_text.hpp"
#include "terminal/cell_text.hpp"

namespace ratchet::cli {

namespace {

// The contracts of a database, by what they do to a forbidden write.
struct contract_count {
  std::size_t all = 0;
  std::vector<std::string> observing;  // tables where nothing is held back
  std::vector<std::string> partly;     // where something is, and something is not
};

contract_count count_contracts(session &database) {
  contract_count counted;
  // A mode is one word for all policies, or a list by policy. What INSERT and DELETE may do has no mode.
  for (const auto &line : database.look("SELECT target::pg_catalog.text, mode = 'observe' AND insert = 'allow'"
                                        " AND delete = 'allow', mode LIKE '%observe' OR mode LIKE '%observe,%'"
                                        " FROM ratchet.contract ORDER BY target::pg_catalog.text")) {
    ++counted.all;
    if (line[1] == "t")
      counted.observing.push_back(printable(line[0].value_or("")));
    else if (line[2] == "t")
      counted.partly.push_back(printable(line[0].value_or("")));
  }
  return counted;
}

void print_findings(const rows &found) {
  for (const auto &line : found) {
    fmt::print("{}: {}\n  {}\n  What to do: {}\n\n", line[0].value_or(""),
               printable(line[1].value_or("the whole database")), printable(line[2].value_or("")),
               printable(line[3].value_or("")));
  }
}

// "1 contract, observing only: cards", "3 contracts, 1 observing only: cards; 1 observing in part: jobs"
void print_contracts(const contract_count &counted) {
  if (counted.all == 0) {
    fmt::print("There are no contracts here.\n");
    return;
  }
  if (counted.observing.empty() && counted.partly.empty()) {
    fmt::print("All contracts are enforced.\n");
    return;
  }
  fmt::print("{} {}", counted.all, counted.all == 1 ? "contract" : "contracts");
  const char *before = ", ";
  const auto add = [&](const std::vector<std::string> &tables, const char *how) {
    if (tables.empty()) return;
    fmt::print("{}", before);
    before = "; ";
    if (tables.size() < counted.all) fmt::print("{} ", tables.size());
    fmt::print("{}: {}", how, fmt::join(tables, ", "));
  };
  add(counted.observing, "observing only");
  add(counted.partly, "observing in part");
  fmt::print("\n");
}

// Names in a database of another encoding than UTF-8 may be any bytes.
std::string json_text(const rows &found, const contract_count &counted,
                      const std::optional<health_statistics> &statistics) {
  auto findings = nlohmann::json::array();
  for (const auto &line : found)
    findings.push_back({{"severity", line[0].value_or("")},
                        {"target", line[1] ? nlohmann::json(*line[1]) : nlohmann::json{}},
                        {"finding", line[2].value_or("")},
                        {"remedy", line[3].value_or("")}});
  const nlohmann::json all{
      {"findings", findings},
      {"contracts",
       {{"count", counted.all}, {"observing_only", counted.observing}, {"observing_in_part", counted.partly}}},
      {"statistics", json_of(statistics)}};
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

exit_code code_of(const rows &found, const contract_count &counted) {
  if (!found.empty()) return exit_lost;
  if (counted.all == 0) return exit_nothing;
  return counted.observing.empty() && counted.partly.empty() ? exit_fine : exit_observing;
}

}  // namespace

CLI::App &declare_health(CLI::App &app, session_options &arguments) {
  auto &command = *app.add_subcommand("health",
                                      R"(Lists contracts that are not enforced, with what to do about it.

error: not enforced, or refused at the next write; warning: not enforced on some path.

A contract in mode observe holds nothing back: that is no finding, but is said, and has an exit code of its own.

Then what contracts have had to do since the statistics were reset, which says nothing of whether they are enforced
and changes no exit code: stale saves that were kept, rejected or observed, by column, with the application that sent
the last one; waits of more than a second; calls beyond a rate limit.

Exit code: 0 all contracts are enforced, 1 findings, 2 bad usage or an error, 4 no finding, but a contract observes
only, or in part, 5 no finding, and no contract, 130 interrupted.)");
  declare_session(command, arguments);
  command.footer("Examples:\n  pg_ratchet health\n  pg_ratchet health --dsn 'host=db dbname=app' --json\n");
  return command;
}

exit_code health(const session_options &arguments) {
  return with_session(arguments, [&](session &database) {
    const auto found = database.look(
        "SELECT severity, target::pg_catalog.text, finding, remedy FROM ratchet.health()"
        " ORDER BY severity, target::pg_catalog.text, finding");
    const auto counted = count_contracts(database);
    const auto statistics = read_statistics(database);
    if (arguments.json) {
      fmt::print("{}\n", json_text(found, counted, statistics));
    } else {
      print_findings(found);
      // With findings not all is enforced, whatever the modes.
      if (found.empty() || code_of({}, counted) != exit_fine) print_contracts(counted);
      if (counted.all > 0) print_statistics(statistics);
    }
    return code_of(found, counted);
  });
}

}  // namespace ratchet::cli
