#include <ratchet/sweep.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, and times come as microseconds, for the reasons that stuck.cpp has.
constexpr const char *sql =
    "SELECT s.key, s.was, s.state,"
    " CASE WHEN pg_catalog.isfinite(s.since)"
    " THEN (EXTRACT(epoch FROM s.since) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 END,"
    " CASE WHEN pg_catalog.isfinite(s.since)"
    " THEN (EXTRACT(epoch FROM s.age) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 END"
    " FROM ratchet.sweep($1::pg_catalog.regclass, $2::pg_catalog.interval, $3::pg_catalog.text,"
    " $4::pg_catalog.text, $5::pg_catalog.name, $6::pg_catalog.jsonb, $7::pg_catalog.int4) AS s";

}  // namespace

sweep::sweep(std::string table, std::chrono::microseconds older_than, const identifier &target_state)
    : table_(detail::checked(std::move(table), "a table name")),
      older_than_(older_than),
      target_state_(target_state.text()) {}

sweep &sweep::state(const identifier &wanted) {
  state_ = wanted.text();
  return *this;
}

sweep &sweep::since(std::string column) {
  since_ = detail::checked(std::move(column), "a column name");
  return *this;
}

sweep &sweep::set(std::string column, const value &to) {
  detail::put(patch_, std::move(column), to);
  return *this;
}

sweep &sweep::limit(std::optional<int> rows) {
  limit_ = rows;
  return *this;
}

std::vector<swept_row> sweep::run(pqxx::transaction_base &tx) const { return read(ratchet::run(tx, to_statement())); }

statement sweep::to_statement() const {
  return {sql,
          {table_, std::to_string(older_than_.count()) + " microseconds", target_state_, state_, since_,
           detail::serialized_or_null(patch_),
           limit_ ? std::optional<std::string>{std::to_string(*limit_)} : std::nullopt}};
}

std::vector<swept_row> sweep::read(const rows &answer) {
  std::vector<swept_row> result;
  for (const auto &each : answer) {
    const auto &line = detail::with_columns(each, 5);
    result.push_back(
        {line[0].value_or(""), line[1], line[2].value_or(""), detail::time(line[3]), detail::duration(line[4])});
  }
  return result;
}

}  // namespace ratchet
