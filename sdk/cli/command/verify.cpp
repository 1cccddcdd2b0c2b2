#include "command/verify.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <ratchet/verify.hpp>
#include <string>
#include <vector>

#include "terminal/cell_text.hpp"

namespace ratchet::cli {

namespace {

verify question(const std::string &table) { return table.empty() ? verify{} : verify{table}; }

std::string text_of(const std::optional<std::string> &value) { return value.value_or("NULL"); }

nlohmann::json json_of(const drift &d) {
  const auto maybe = [](const std::optional<std::string> &value) {
    return value ? nlohmann::json(*value) : nlohmann::json{};
  };
  return {{"parent", d.parent}, {"child", d.child},          {"key", d.key},
          {"column", d.column}, {"stored", maybe(d.stored)}, {"counted", maybe(d.counted)}};
}

// Of how many tallies the user may have the counts verified.
long long owned_tallies(session &database) {
  const auto answer =
      database.run({"SELECT pg_catalog.count(*) FROM ratchet.contract AS t"
                    " JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) t.parent"
                    " WHERE t.kind OPERATOR(pg_catalog.=) 'tally' AND pg_catalog.pg_has_role(c.relowner, 'USAGE')",
                    {}});
  return std::stoll(answer.at(0).at(0).value_or("0"));
}

void print(const std::vector<drift> &found, const counters_arguments &asked) {
  if (asked.json) {
    auto all = nlohmann::json::array();
    for (const auto &d : found) all.push_back(json_of(d));
    fmt::print("{}\n", all.dump(2));
    return;
  }
  for (const auto &d : found) {
    fmt::print("{} {}: {} is {}, by {} it should be {}\n", printable(d.parent), printable(d.key.dump()),
               printable(d.column), text_of(d.stored), printable(d.child), text_of(d.counted));
  }
  if (found.empty()) {
    fmt::print("No counter differs{}.\n", asked.table.empty() ? " in the tallies of tables that you own" : "");
  } else {
    fmt::print("{} wrong. pg_ratchet repair sets them right while writers go on.\n", found.size());
  }
}

}  // namespace

CLI::App &declare_verify(CLI::App &app, counters_arguments &arguments) {
  auto &command = *app.add_subcommand("verify",
                                      R"(Counts anew and lists the counters that differ.

Each tally is counted in one snapshot, so that writers need not stop; all children are read. Without a table it looks at
the tallies of tables that you own.

Exit code: 0 all counters are right, 1 some are not, 2 bad usage or an error, 5 you own no table with counters, 130
interrupted.)");
  declare_counters(command, arguments);
  command.footer("Examples:\n  pg_ratchet verify\n  pg_ratchet verify public.runs --dsn 'host=db dbname=app' --json\n");
  return command;
}

exit_code verify_counters(const counters_arguments &arguments) {
  return with_session(arguments, [&](session &database) {
    const auto found = verify::read(database.run(question(arguments.table).to_statement()));
    if (arguments.table.empty() && owned_tallies(database) == 0) {
      fmt::print("{}\n", arguments.json ? "[]" : "You own no table with counters here, so nothing was counted.");
      return exit_nothing;
    }
    print(found, arguments);
    return found.empty() ? exit_fine : exit_lost;
  });
}

}  // namespace ratchet::cli
