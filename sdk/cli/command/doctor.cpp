#include "command/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "terminal/cell_text.hpp"

namespace ratchet::cli {

namespace {

const char *name_of(weight matters) {
  switch (matters) {
    case weight::note:
      return "note";
    case weight::warning:
      return "warning";
    default:
      return "error";
  }
}

// What health() has no opinion about, each as a query of lines: what, remedy. Nothing in them takes a lock.
struct question {
  weight matters;
  const char *sql;
};

constexpr question questions[] = {
    {weight::note,
     "SELECT pg_catalog.format('the guard of %s only observes: what would be kept is logged, and goes through', "
     "target),"
     " 'When the log has no surprise left, declare it again without mode => ''observe''.'"
     " FROM ratchet.contract WHERE kind OPERATOR(pg_catalog.=) 'guard' AND mode OPERATOR(pg_catalog.~) 'observe'"
     " ORDER BY target::pg_catalog.text"},
    {weight::note,
     "SELECT 'there is no contract in this database',"
     " 'pg_ratchet init suggests some; ratchet.guard() and ratchet.tally() declare them.'"
     " WHERE NOT EXISTS (SELECT FROM ratchet.contract)"},
    {weight::note,
     "SELECT pg_catalog.format('nobody hears of what is kept: %s is %s%s', s.name, s.value,"
     "   COALESCE(' for role ' OPERATOR(pg_catalog.||) r.rolname, '')),"
     " pg_catalog.format('Lost writes go unnoticed. RESET it, unless the application looks at what update() returns.')"
     " FROM pg_catalog.pg_db_role_setting AS d"
     " LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) d.setrole"
     " CROSS JOIN LATERAL (SELECT pg_catalog.split_part(c, '=', 1) AS name, pg_catalog.split_part(c, '=', 2) AS value"
     "   FROM pg_catalog.unnest(d.setconfig) AS c) AS s"
     " WHERE d.setdatabase OPERATOR(pg_catalog.=) ANY (ARRAY[0::pg_catalog.oid, (SELECT oid FROM pg_catalog.pg_database"
     "   WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())])"
     " AND (s.name OPERATOR(pg_catalog.=) 'ratchet.kept_notice' AND s.value OPERATOR(pg_catalog.=) ANY (ARRAY['off', "
     "'false', '0', 'no'])"
     "  OR s.name OPERATOR(pg_catalog.=) 'client_min_messages' AND s.value OPERATOR(pg_catalog.=) ANY "
     "(ARRAY['warning', 'error']))"},
    {weight::warning,
     "SELECT pg_catalog.format('session_replication_role is %s%s: triggers, and so contracts, do not fire there',"
     "   s.value, COALESCE(' for role ' OPERATOR(pg_catalog.||) r.rolname, '')),"
     " 'ALTER ROLE ... RESET session_replication_role, or verify counters after what such sessions write.'"
     " FROM pg_catalog.pg_db_role_setting AS d"
     " LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) d.setrole"
     " CROSS JOIN LATERAL (SELECT pg_catalog.split_part(c, '=', 1) AS name, pg_catalog.split_part(c, '=', 2) AS value"
     "   FROM pg_catalog.unnest(d.setconfig) AS c) AS s"
     " WHERE s.name OPERATOR(pg_catalog.=) 'session_replication_role' AND s.value OPERATOR(pg_catalog.=) 'replica'"},
    {weight::note,
     "SELECT pg_catalog.format('a transaction has been open for %s (process %s): a contract that is declared now would"
     " wait behind it, and other writers behind the contract',"
     "   pg_catalog.date_trunc('second', pg_catalog.now() OPERATOR(pg_catalog.-) pg_catalog.min(xact_start)),"
     "   (pg_catalog.array_agg(pid ORDER BY xact_start))[1]),"
     " 'SET lock_timeout = ''2s'' before guard() and tally(), and repeat; end what is idle in transaction.'"
     " FROM pg_catalog.pg_stat_activity WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
     "   AND pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()"
     " HAVING pg_catalog.min(xact_start) OPERATOR(pg_catalog.<)"
     "   (pg_catalog.now() OPERATOR(pg_catalog.-) interval '5 minutes')"},
    {weight::note,
     "SELECT 'counters spill under contention, and the library is not preloaded, so no worker folds them into their "
     "rows',"
     " 'Add ratchet to shared_preload_libraries and restart. Until then the next writer of a row folds its counts.'"
     " WHERE EXISTS (SELECT FROM ratchet.contract WHERE contention OPERATOR(pg_catalog.=) 'spill')"
     "   AND NOT ('ratchet' OPERATOR(pg_catalog.=) ANY (pg_catalog.regexp_split_to_array("
     "     pg_catalog.current_setting('shared_preload_libraries'), ' *, *')))"},
};

std::vector<diagnosis> diagnose(session &database) {
  std::vector<diagnosis> found;
  for (const auto &line :
       database.look("SELECT severity, COALESCE(target::pg_catalog.text OPERATOR(pg_catalog.||) ': ', '')"
                     " OPERATOR(pg_catalog.||) finding, remedy FROM ratchet.health()"
                     " ORDER BY severity, target::pg_catalog.text, finding")) {
    found.push_back({line[0] == "error"     ? weight::error
                     : line[0] == "warning" ? weight::warning
                                            : weight::note,
                     line[1].value_or(""), line[2].value_or("")});
  }
  for (const auto &asked : questions) {
    for (const auto &line : database.look(asked.sql))
      found.push_back({asked.matters, line[0].value_or(""), line[1].value_or("")});
  }
  std::stable_sort(found.begin(), found.end(), [](const auto &a, const auto &b) { return a.matters > b.matters; });
  return found;
}

const char *meaning_of(char grade) {
  switch (grade) {
    case 'A':
      return "All contracts are enforced, and nothing is missing.";
    case 'B':
      return "All contracts are enforced as they are declared; there is something to know.";
    case 'C':
      return "There is a way around a contract.";
    default:
      return "A contract is not enforced.";
  }
}

void print(const std::vector<diagnosis> &found, bool json) {
  const char grade = grade_of(found);
  if (json) {
    auto all = nlohmann::json::array();
    for (const auto &one : found)
      all.push_back({{"severity", name_of(one.matters)}, {"finding", one.what}, {"remedy", one.remedy}});
    fmt::print("{}\n", nlohmann::json{{"grade", std::string{grade}}, {"findings", all}}.dump(2));
    return;
  }
  for (const auto &one : found) {
    fmt::print("{}: {}\n  What to do: {}\n\n", name_of(one.matters), printable(one.what), printable(one.remedy));
  }
  fmt::print("Grade {}. {}\n", grade, meaning_of(grade));
}

}  // namespace

char grade_of(const std::vector<diagnosis> &found) {
  const auto worst =
      std::max_element(found.begin(), found.end(), [](const auto &a, const auto &b) { return a.matters < b.matters; });
  if (worst == found.end()) return 'A';
  return worst->matters == weight::error ? 'F' : worst->matters == weight::warning ? 'C' : 'B';
}

CLI::App &declare_doctor(CLI::App &app, session_options &arguments) {
  auto &command = *app.add_subcommand("doctor", R"(Says what is missing to be safe, with a grade.

It is health, and what is no fault of a contract: guards that only observe, notices that nobody hears, sessions in which
triggers do not fire, old transactions that a new contract would wait for, a library that is not preloaded. It only
looks. The grades: A nothing to do, B worth knowing, C a way around a contract, F a contract is not enforced.

Exit code: 0 grade A or B, 1 grade C or F, 2 bad usage or an error, 130 interrupted.)");
  declare_session(command, arguments);
  command.footer("Examples:\n  pg_ratchet doctor\n  pg_ratchet doctor -h db -d app --json\n");
  return command;
}

exit_code examine(const session_options &arguments) {
  return with_session(arguments, [&](session &database) {
    const auto found = diagnose(database);
    print(found, arguments.json);
    const char grade = grade_of(found);
    return grade == 'A' || grade == 'B' ? exit_fine : exit_lost;
  });
}

}  // namespace ratchet::cli
