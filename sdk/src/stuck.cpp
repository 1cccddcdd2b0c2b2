#include <ratchet/stuck.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that no search_path has a say. Times come as microseconds, so that
// neither TimeZone, DateStyle nor IntervalStyle has; an infinite one has no age either.
constexpr const char *sql =
    "SELECT s.key, s.state,"
    " CASE WHEN pg_catalog.isfinite(s.since)"
    " THEN (EXTRACT(epoch FROM s.since) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 END,"
    " CASE WHEN pg_catalog.isfinite(s.since)"
    " THEN (EXTRACT(epoch FROM s.age) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 END,"
    " s.expect"
    " FROM ratchet.stuck($1::pg_catalog.regclass, $2::pg_catalog.interval, $3::pg_catalog.text,"
    " $4::pg_catalog.name) AS s";

}  // namespace

stuck::stuck(std::string table, std::chrono::microseconds older_than)
    : table_(detail::checked(std::move(table), "a table name")), older_than_(older_than) {}

stuck &stuck::state(const identifier &wanted) {
  state_ = wanted.text();
  return *this;
}

stuck &stuck::since(std::string column) {
  since_ = detail::checked(std::move(column), "a column name");
  return *this;
}

std::vector<stuck_row> stuck::run(pqxx::transaction_base &tx) const { return read(ratchet::run(tx, to_statement())); }

statement stuck::to_statement() const {
  return {sql, {table_, std::to_string(older_than_.count()) + " microseconds", state_, since_}};
}

std::vector<stuck_row> stuck::read(const rows &answer) {
  std::vector<stuck_row> result;
  for (const auto &each : answer) {
    const auto &line = detail::with_columns(each, 5);
    result.push_back({line[0].value_or(""), line[1], detail::time(line[2]), detail::duration(line[3]),
                      detail::document(line[4]).value_or(nlohmann::json::object())});
  }
  return result;
}

}  // namespace ratchet
