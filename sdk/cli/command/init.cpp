#include "command/init.hpp"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "command/connection.hpp"
#include "command/suggestion.hpp"

namespace ratchet::cli {

namespace {

// Ordinary and partitioned tables of users, with their columns, a line each. The values are those of an enum, or of a
// CHECK over this column alone that lists texts.
constexpr const char *tables_sql = R"(
SELECT c.oid::text, n.nspname, format('%I.%I', n.nspname, c.relname), c.relname,
       EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = '~ratchet_guard')::text,
       a.attname, quote_ident(a.attname), format_type(a.atttypid, NULL), a.attnotnull::text, a.atthasdef::text,
       (a.attgenerated = '' AND a.attidentity = '')::text,
       (EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey::int2[]))
        OR EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)))::text,
       COALESCE((SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid),
                (SELECT jsonb_agg(replace(m[1], '''''', '''') ORDER BY o) FROM pg_constraint k,
                        regexp_matches(pg_get_constraintdef(k.oid), '''((?:[^'']|'''')*)''::', 'g') WITH ORDINALITY AS x (m, o)
                 WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
                   AND pg_get_constraintdef(k.oid) ~ '= ANY \(+ARRAY\['), '[]')::text
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT LIKE 'pg\_%' AND n.nspname NOT IN ('information_schema', 'ratchet')
  AND NOT (c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid))
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 3, a.attnum)";

constexpr const char *references_sql = R"(
SELECT k.confrelid::text, k.conrelid::text FROM pg_constraint k
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid <> k.confrelid
GROUP BY k.confrelid, k.conrelid HAVING count(*) = 1 ORDER BY k.conrelid::regclass::text)";

// For a message's transaction: nobody's operator or function of the same name, and all names that are not of the
// catalog qualified. Through a pooler the setting must not outlive it.
constexpr const char *own_path = "SET LOCAL search_path = pg_catalog, pg_temp; ";

std::string text_or_empty(const std::optional<std::string> &text) { return text.value_or(""); }

std::vector<seen_table> look(session &database, const std::string &schema) {
  std::vector<seen_table> tables;
  std::map<std::string, std::size_t> places;  // by OID
  if (!schema.empty() &&
      database.run({"SELECT FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) $1", {schema}}).empty())
    throw std::runtime_error(fmt::format("there is no schema {}", schema));
  for (const auto &line : database.ask(std::string{own_path} + tables_sql)) {
    if (!schema.empty() && line[1] != schema) continue;
    const auto oid = text_or_empty(line[0]);
    if (places.emplace(oid, tables.size()).second)
      tables.push_back({text_or_empty(line[2]), text_or_empty(line[3]), line[4] == "true", {}, {}});
    seen_column column;
    column.name = text_or_empty(line[5]);
    column.quoted = text_or_empty(line[6]);
    column.type = text_or_empty(line[7]);
    column.not_null = line[8] == "true";
    column.has_default = line[9] == "true";
    column.writable = line[10] == "true";
    column.in_key = line[11] == "true";
    for (const auto &value : nlohmann::json::parse(text_or_empty(line[12]))) column.values.push_back(value);
    tables[places[oid]].columns.push_back(std::move(column));
  }
  for (const auto &line : database.ask(std::string{own_path} + references_sql)) {
    const auto parent = places.find(text_or_empty(line[0]));
    const auto child = places.find(text_or_empty(line[1]));
    if (parent == places.end() || child == places.end()) continue;
    const auto &from = tables[child->second];
    tables[parent->second].referred_by.push_back({from.name, from.bare_name, from.columns});
  }
  return tables;
}

}  // namespace

CLI::App &declare_init(CLI::App &app, init_arguments &arguments) {
  auto &command = *app.add_subcommand("init", R"(Suggests contracts for the tables of a database, as SQL to edit.

It looks at names and types of columns (submitted_at, status, heartbeat_at, comments_count and the like) and at foreign
keys, at no row, and changes nothing. Guards are suggested in mode observe, tallies as comments, because they have no
such mode. Tables that have a guard are left out.

Exit code: 0 fine, also without a suggestion, 2 bad usage or an error, 130 interrupted.)");
  command.add_option("--schema", arguments.schema, "Only tables of this schema")->type_name("NAME");
  declare_connection(command, arguments.dsn);
  command.footer("Examples:\n  pg_ratchet init -d app > contracts.sql\n  pg_ratchet init -d app --schema billing\n");
  return command;
}

exit_code init(const init_arguments &arguments) {
  return with_session(session_options{arguments.dsn, false}, [&](session &database) {
    fmt::print("{}", suggestions_for(look(database, arguments.schema)));
    return exit_fine;
  });
}

}  // namespace ratchet::cli
