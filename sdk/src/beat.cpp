#include <ratchet/beat.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say.
std::string sql(const key &key) {
  return std::string{
             "SELECT r.outcome, pg_catalog.to_jsonb(r.kept), pg_catalog.to_jsonb(r.stale)"
             " FROM ratchet.beat($1::pg_catalog.regclass, $2::pg_catalog."} +
         detail::key_type(key) + ", $3::pg_catalog.jsonb, $4::pg_catalog.jsonb) AS r";
}

}  // namespace

beat::beat(std::string table, ratchet::key key)
    : table_(detail::checked(std::move(table), "a table name")), key_(std::move(key)) {}

beat &beat::set(std::string column, const value &to) {
  detail::put(patch_, std::move(column), to);
  return *this;
}

beat &beat::expect(std::string column, const value &current) {
  detail::put(expect_, std::move(column), current);
  return *this;
}

beat_result beat::run(pqxx::transaction_base &tx) const { return read(ratchet::run(tx, to_statement())); }

statement beat::to_statement() const {
  return {sql(key_), {table_, key_.text(), detail::serialized_or_null(patch_), detail::serialized_or_null(expect_)}};
}

beat_result beat::read(const rows &answer) {
  const auto &line = detail::single(answer, 3);
  beat_result result;
  result.outcome_text = line[0].value_or("");
  result.outcome = beat_outcome_from(result.outcome_text);
  result.kept = detail::names(line[1]);
  result.stale = detail::names(line[2]);
  return result;
}

}  // namespace ratchet
