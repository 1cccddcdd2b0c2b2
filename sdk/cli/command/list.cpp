#include "command/list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "command/json_text.hpp"
#include "terminal/cell_text.hpp"

namespace ratchet::cli {

namespace {

void print_contracts(const rows &found) {
  std::size_t table_width = 0;
  std::size_t mode_width = 0;
  for (const auto &line : found) {
    table_width = std::max(table_width, columns_of(printable(line[0].value_or(""))));
    mode_width = std::max(mode_width, line[3].value_or("").size());
  }
  for (const auto &line : found) {
    fmt::print("{}  {}  {:<{}}  {}\n", at_left(printable(line[0].value_or("")), table_width), line[1].value_or(""),
               line[3].value_or(""), mode_width,
               printable(line[2].value_or("") + (line[4] ? "  NOT ENFORCED: " + *line[4] : "")));
  }
  if (found.empty()) fmt::print("There is no contract in this database. pg_ratchet init suggests some.\n");
}

}  // namespace

CLI::App &declare_list(CLI::App &app, session_options &arguments) {
  auto &command = *app.add_subcommand("list", R"(Lists every contract of the database, a line each.

Each line has the table, guard or tally, the mode, what is protected or counted, and what is not enforced, if anything
is; health says more about that. Without a mode each policy has its own default.

Exit code: 0 fine, also where there is none, 2 bad usage or an error, 130 interrupted.)");
  declare_session(command, arguments);
  command.footer("Examples:\n  pg_ratchet list\n  pg_ratchet list -d app --json\n");
  return command;
}

exit_code list_contracts(const session_options &arguments) {
  return with_session(arguments, [&](session &database) {
    const auto found = database.look(
        "SELECT c.target::pg_catalog.text, c.kind,"
        " CASE c.kind WHEN 'guard' THEN pg_catalog.concat_ws(', ', 'gate ' OPERATOR(pg_catalog.||) c.gate,"
        "   'owned ' OPERATOR(pg_catalog.||) NULLIF(pg_catalog.array_to_string(c.owned, ' '), ''),"
        "   'once ' OPERATOR(pg_catalog.||) NULLIF(pg_catalog.array_to_string(c.once, ' '), ''),"
        "   'frozen ' OPERATOR(pg_catalog.||) NULLIF(pg_catalog.array_to_string(c.frozen, ' '), ''),"
        "   'forward ' OPERATOR(pg_catalog.||) NULLIF(pg_catalog.array_to_string(c.forward, ' '), ''),"
        "   'states of ' OPERATOR(pg_catalog.||) (SELECT pg_catalog.string_agg(s, ' ') FROM"
        "     pg_catalog.jsonb_object_keys(c.states) AS s),"
        "   'heartbeat ' OPERATOR(pg_catalog.||) c.heartbeat, 'version ' OPERATOR(pg_catalog.||) c.version,"
        "   'fence ' OPERATOR(pg_catalog.||) c.fence)"
        " ELSE 'counts for ' OPERATOR(pg_catalog.||) c.parent::pg_catalog.text OPERATOR(pg_catalog.||) ': '"
        "   OPERATOR(pg_catalog.||) (SELECT pg_catalog.string_agg(k, ', ') FROM"
        "     pg_catalog.jsonb_object_keys(c.counters) AS k) END,"
        " COALESCE(c.mode, '-'),"
        " (SELECT pg_catalog.string_agg(h.finding, '; ') FROM ratchet.health() AS h"
        "  WHERE h.target OPERATOR(pg_catalog.=) c.target AND h.severity OPERATOR(pg_catalog.=) 'error')"
        " FROM ratchet.contract AS c ORDER BY c.target::pg_catalog.text, c.kind, c.parent::pg_catalog.text");
    if (arguments.json) {
      fmt::print("{}\n", json_text(found, {"target", "kind", "protects", "mode", "not_enforced"}));
    } else {
      print_contracts(found);
    }
    return exit_fine;
  });
}

}  // namespace ratchet::cli
