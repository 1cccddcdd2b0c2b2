#include "top/reader.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ratchet/error.hpp>
#include <utility>

#include "terminal/lines.hpp"

namespace ratchet::cli::top {

const std::array<const char *, figure_count> figure_names{
    "submitted",     "replayed", "already_submitted", "conflict",   "stale",   "limited",
    "kept",          "rejected", "observed",          "advanced",   "refused", "amended",
    "suspended",     "swept",    "completions",       "flushes",    "counted", "spilled",
    "folded",        "waits",    "rolled_back",       "key_reused", "full",    "not_found",
    "already_there", "updated",  "unchanged",         "alive",      "finished"};

namespace {

using cell = std::optional<std::string>;

constexpr int shown_rows = 100;       // of one table
constexpr int newest_rows = 10000;    // of a table that is too large to be read
constexpr double cheap_cost = 10000;  // of a query, by the planner: some hundred thousand rows, or an index

// The statement timeout is the last resort, where a table must be read that nothing else bounds.
// Nothing here is worth compiling, however large the planner takes a catalog to be.
constexpr const char *settings =
    "SET LOCAL transaction_read_only = on; SET LOCAL statement_timeout = '2s'; SET LOCAL lock_timeout = '1ms'; "
    "SET LOCAL jit = off; ";

constexpr const char *lock_timeout = "55P03";

std::int64_t integer(const cell &text) { return text ? std::strtoll(text->c_str(), nullptr, 10) : 0; }
double number(const cell &text) { return text ? std::strtod(text->c_str(), nullptr) : 0; }

// Numbers with a space between two.
template <typename Number>
std::vector<Number> numbers(const cell &text) {
  std::vector<Number> result;
  const char *at = text ? text->c_str() : "";
  for (char *end = nullptr; *at != '\0'; at = end) {
    const double value = std::strtod(at, &end);
    if (end == at) break;
    result.push_back(static_cast<Number>(value));
  }
  return result;
}

bool is_lost(const error &e) { return e.kind() == error_kind::connection || e.kind() == error_kind::usage; }

std::string words_of(const error &e) {
  if (e.sqlstate() == "57014") return "took longer than 2 s and was given up";
  if (e.sqlstate() == lock_timeout) return "is locked";
  if (e.sqlstate() == "42501") return "you have no right to read it";
  return on_one_line(e.what());
}

}  // namespace

// A contract with what it takes to ask for its rows, as SQL.
struct reader::declared {
  std::string kind;
  std::string oid;  // of the table with the rows: a guard's own, a tally's parent
  std::string table;
  bool has_heartbeat;
  bool readable;
  cell sql_table;
  cell total;
  cell total_of;
  cell done;
  cell key;     // as text
  cell newest;  // ORDER BY
  cell key_names;
  double estimate;  // rows
};

reader::reader(ask_function ask, std::chrono::microseconds older_than, clock_function clock)
    : ask_(std::move(ask)), older_than_(older_than), clock_(std::move(clock)) {}

rows reader::ask(const std::string &sql) const { return ask_(settings + sql); }

sample reader::read() {
  sample result;
  read_server(result);
  const auto contracts = read_contracts(result);
  try {
    read_statistics(result);
    read_columns(result);
  } catch (const error &e) {
    if (is_lost(e)) throw;
    result.notes.push_back("ratchet.stat: " + words_of(e));
  }
  read_findings(result);
  for (const auto &one : contracts) {
    if (one.kind == "tally" && one.total) read_runs(result, one);
    if (one.kind == "guard" && one.has_heartbeat) read_stuck(result, one);
  }
  return result;
}

void reader::read_server(sample &into) const {
  const auto answer = ask(
      "SELECT pg_catalog.current_database(),"
      " pg_catalog.concat('PostgreSQL ', pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),"
      " ' at ', COALESCE(pg_catalog.host(pg_catalog.inet_server_addr()), 'socket'), ':',"
      " pg_catalog.current_setting('port')),"
      " pg_catalog.to_char(pg_catalog.clock_timestamp(), 'HH24:MI:SS'),"
      " EXTRACT(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.float8");
  const auto &line = answer.at(0);
  into.database = line[0].value_or("");
  into.server = line[1].value_or("");
  into.time = line[2].value_or("");
  into.at_s = number(line[3]);
}

// The view ratchet.contract looks into the tables, so it waits where one is being altered. Then each table is asked for
// by itself.
rows reader::ask_each(const std::string &select, const std::string &table, const std::string &order,
                      std::vector<std::string> &notes) const {
  try {
    return ask(select + order);
  } catch (const error &e) {
    if (e.sqlstate() != lock_timeout) throw;
  }
  rows all;
  for (const auto &line :
       ask("SELECT DISTINCT t.tgrelid, t.tgrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_trigger t"
           " WHERE t.tgfoid IN ('ratchet.guard_row()'::pg_catalog.regprocedure,"
           " 'ratchet.count_row()'::pg_catalog.regprocedure, 'ratchet.keep_counters()'::pg_catalog.regprocedure)"
           " AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid ORDER BY 2")) {
    try {
      auto some = ask(fmt::format("{} WHERE {} OPERATOR(pg_catalog.=) {}::pg_catalog.oid{}", select, table,
                                  line[0].value_or("0"), order));
      all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    } catch (const error &e) {
      if (e.sqlstate() != lock_timeout) throw;
      notes.push_back(line[1].value_or("") + ": " + words_of(e));
    }
  }
  return all;
}

std::vector<reader::declared> reader::read_contracts(sample &into) const {
  const auto answer = ask_each(
      "SELECT c.target::pg_catalog.oid, c.target::pg_catalog.text, c.kind, c.parent::pg_catalog.oid,"
      " c.parent::pg_catalog.text, c.mode, c.enabled::pg_catalog.text, (c.heartbeat IS NOT NULL)::pg_catalog.text,"
      " pg_catalog.has_table_privilege(COALESCE(c.parent, c.target), 'SELECT')::pg_catalog.text,"
      " pg_catalog.format('%I.%I', n.nspname, r.relname), pg_catalog.quote_ident(c.total),"
      " pg_catalog.quote_ident(c.total_of), pg_catalog.quote_ident(c.done), k.key, k.newest, k.names,"
      " (SELECT pg_catalog.sum(GREATEST(l.reltuples, 0)) FROM pg_catalog.pg_class l"
      "  WHERE l.oid OPERATOR(pg_catalog.=) c.parent OR l.oid IN"
      "  (SELECT p.relid FROM pg_catalog.pg_partition_tree(c.parent) p WHERE p.isleaf)"
      "  AND l.oid OPERATOR(pg_catalog.<>) c.parent)"
      " FROM ratchet.contract c"
      " LEFT JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) COALESCE(c.parent, c.target)"
      " LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) r.relnamespace"
      " LEFT JOIN LATERAL (SELECT"
      "  CASE pg_catalog.count(*) WHEN 1 THEN pg_catalog.min(pg_catalog.format('t.%I::pg_catalog.text', a.attname))"
      "  ELSE pg_catalog.format('pg_catalog.jsonb_build_object(%s)::pg_catalog.text', pg_catalog.string_agg("
      "   pg_catalog.format('%L, t.%I', a.attname, a.attname), ', ' ORDER BY u.place)) END AS key,"
      "  pg_catalog.string_agg(pg_catalog.format('t.%I DESC', a.attname), ', ' ORDER BY u.place) AS newest,"
      "  pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.place) AS names"
      "  FROM pg_catalog.pg_index i"
      "  CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY u (number, place)"
      "  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid"
      "   AND a.attnum OPERATOR(pg_catalog.=) u.number"
      "  WHERE i.indrelid OPERATOR(pg_catalog.=) c.parent AND i.indisprimary) k ON true",
      "c.target", " ORDER BY 2, 5, c.trigger", into.notes);
  std::vector<declared> result;
  for (const auto &line : answer) {
    const bool tally = line[2] == "tally";
    contract one;
    one.id = line[2].value_or("") + ' ' + line[0].value_or("") + ' ' + line[3].value_or("0");
    one.kind = line[2].value_or("");
    one.table = line[1].value_or("");
    one.parent = line[4].value_or("");
    one.mode = line[5].value_or("");
    one.enabled = line[6] == "true";
    result.push_back({line[2].value_or(""), line[tally ? 3 : 0].value_or(""), tally ? one.parent : one.table,
                      line[7] == "true", line[8] == "true", line[9], line[10], line[11], line[12], line[13], line[14],
                      line[15], number(line[16])});
    into.contracts.push_back(std::move(one));
  }
  return result;
}

void reader::read_statistics(sample &into) const {
  into.statistics = ask("SELECT ratchet.stat_enabled()::pg_catalog.text").at(0).at(0) == "true";
  if (!into.statistics) return;
  std::string columns;
  for (const char *name : figure_names) columns += fmt::format(", s.\"{}\"", name);
  std::map<std::string, figures> by_id;
  for (const auto &line : ask("SELECT pg_catalog.concat(s.kind, ' ', s.relation::pg_catalog.oid, ' ',"
                              " COALESCE(s.parent::pg_catalog.oid, 0)), s.wait_time, s.wait_time_max,"
                              " pg_catalog.array_to_string(s.submit_histogram, ' '), s.stats_reset::pg_catalog.text,"
                              " s.kind, s.relation::pg_catalog.text" +
                              columns + " FROM ratchet.stat s ORDER BY s.relation::pg_catalog.text")) {
    auto &seen = by_id[line[0].value_or("")];
    seen.wait_ms = number(line[1]);
    seen.wait_max_ms = number(line[2]);
    seen.submits = numbers<std::int64_t>(line[3]);
    into.reset_at = line[4].value_or(into.reset_at);
    for (std::size_t i = 0; i < figure_count; ++i) seen.counts[i] = integer(line[7 + i]);
    if (line[5] == "parent")
      into.contracts.push_back({line[0].value_or(""), "parent", line[6].value_or(""), "", "", true, {}});
  }
  for (auto &one : into.contracts) {
    if (const auto found = by_id.find(one.id); found != by_id.end()) one.seen = found->second;
  }
  into.bounds_ms = numbers<double>(ask("SELECT pg_catalog.array_to_string(ratchet.stat_buckets(), ' ')").at(0).at(0));
}

void reader::read_columns(sample &into) const {
  if (!into.statistics) return;
  for (const auto &line :
       ask("SELECT pg_catalog.concat(s.kind, ' ', s.relation::pg_catalog.oid), s.relation::pg_catalog.text, "
           "s.column_name, s.kept, s.rejected,"
           " s.observed, s.last_application_name, s.last_at::pg_catalog.text,"
           " EXTRACT(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) s.last_at)::pg_catalog.float8"
           " FROM ratchet.stat_columns s ORDER BY s.last_at DESC NULLS LAST, 2, 3")) {
    into.columns.push_back({line[0].value_or("") + ' ' + line[2].value_or(""), line[1].value_or(""),
                            line[2].value_or(""), integer(line[3]), integer(line[4]), integer(line[5]), line[6],
                            line[7].value_or(""), number(line[8])});
  }
}

void reader::read_findings(sample &into) {
  const auto begun = clock_();
  if (pace_.is_due("health", begun)) {
    errors_ = warnings_ = 0;
    try {
      for (const auto &line : ask("SELECT h.severity, pg_catalog.count(*) FROM ratchet.health() h GROUP BY 1")) {
        (line[0] == "error" ? errors_ : warnings_) += integer(line[1]);
      }
    } catch (const error &e) {
      if (is_lost(e)) throw;
      into.notes.push_back("ratchet.health(): " + words_of(e));
    }
    pace_.took("health", begun, clock_());
  }
  into.errors = errors_;
  into.warnings = warnings_;
}

template <typename Row, typename Read>
void reader::at_pace(std::map<std::string, kept<Row>> &known, const std::string &what, const std::string &table,
                     std::vector<Row> &into, std::vector<std::string> &notes, const Read &read) {
  auto &last = known[what];
  const auto begun = clock_();
  if (pace_.is_due(what, begun)) {
    const auto before = std::move(last);
    last = {begun, {}, {}};
    try {
      last.found = read(last.note, before);
    } catch (const error &e) {
      if (is_lost(e)) throw;
      last.note = table + ": " + words_of(e);
    }
    pace_.took(what, begun, clock_());
  }
  into.insert(into.end(), last.found.begin(), last.found.end());
  if (!last.note.empty()) notes.push_back(last.note);
}

//   SELECT q.key, q.counted, q.total FROM (SELECT t."id"::text AS key, t."count"::float8 AS counted,
//   t."total"::float8 AS total FROM <schema.parent> t WHERE NOT t."done") q
//   WHERE q.total > 0 AND q.counted < q.total ORDER BY <share> DESC, <missing> LIMIT 100
// Where that is expensive, in place of schema.parent its rows with the largest keys.
std::string reader::runs_query(const declared &tally, std::string &note) const {
  const auto query = [&](const std::string &from) {
    return fmt::format(
        "SELECT q.key, q.counted, q.total FROM (SELECT {} AS key, t.{}::pg_catalog.float8 AS counted,"
        " t.{}::pg_catalog.float8 AS total FROM {} t{}) q"
        " WHERE q.total OPERATOR(pg_catalog.>) 0 AND q.counted OPERATOR(pg_catalog.<) q.total"
        " ORDER BY q.counted OPERATOR(pg_catalog./) q.total DESC, q.total OPERATOR(pg_catalog.-) q.counted LIMIT {}",
        *tally.key, *tally.total_of, *tally.total, from, tally.done ? fmt::format(" WHERE NOT t.{}", *tally.done) : "",
        shown_rows);
  };
  auto all = query(*tally.sql_table);
  const auto plan = ask("EXPLAIN (FORMAT JSON) " + all);
  const auto cost =
      nlohmann::json::parse(plan.at(0).at(0).value_or("")).at(0).at("Plan").at("Total Cost").get<double>();
  if (cost <= cheap_cost) return all;
  note = fmt::format("{}: of about {:.0f} rows the {} with the largest keys were read", tally.table, tally.estimate,
                     newest_rows);
  if (tally.done)
    note +=
        fmt::format("; where few are open, an index on ({}) WHERE NOT {} finds them", *tally.key_names, *tally.done);
  return query(fmt::format("(SELECT * FROM {} t ORDER BY {} LIMIT {})", *tally.sql_table, *tally.newest, newest_rows));
}

void reader::read_runs(sample &into, const declared &tally) {
  at_pace(runs_, tally.oid + ' ' + tally.total_of.value_or(""), tally.table, into.runs, into.notes,
          [&](std::string &note, const kept<run> &before) {
            std::map<std::string, double> counted;
            for (const auto &one : before.found) counted[one.key] = one.counted;
            const std::chrono::duration<double> passed = clock_() - before.at;
            std::vector<run> found;
            if (!tally.readable) note = tally.table + ": you have no right to read it";
            if (!tally.sql_table || !tally.key || !tally.total_of || !note.empty()) return found;
            for (const auto &line : ask(runs_query(tally, note))) {
              run one{tally.table, line[0].value_or(""), number(line[1]), number(line[2]), std::nullopt};
              const auto was = counted.find(one.key);
              if (was != counted.end() && passed.count() > 0) one.per_s = (one.counted - was->second) / passed.count();
              found.push_back(std::move(one));
            }
            return found;
          });
}

void reader::read_stuck(sample &into, const declared &guard) {
  at_pace(stuck_, guard.oid, guard.table, into.stuck, into.notes, [&](std::string &note, const auto &) {
    std::vector<stuck_row> found;
    if (!guard.readable) {
      note = guard.table + ": you have no right to read it";
      return found;
    }
    for (const auto &line : ask(fmt::format("SELECT s.key, s.state, EXTRACT(epoch FROM s.age)::pg_catalog.float8"
                                            " FROM ratchet.stuck({}::pg_catalog.oid::pg_catalog.regclass,"
                                            " pg_catalog.make_interval(secs => {})) s LIMIT {}",
                                            guard.oid, static_cast<double>(older_than_.count()) / 1e6, shown_rows))) {
      found.push_back({guard.table, line[0].value_or(""), line[1].value_or(""),
                       line[2] ? std::optional{number(line[2])} : std::nullopt});
    }
    return found;
  });
}

}  // namespace ratchet::cli::top
