#include <ratchet/beat.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say.
std::string statement(bool composite) {
  return std::string{
             "SELECT r.outcome, pg_catalog.to_jsonb(r.kept)"
             " FROM ratchet.beat($1::pg_catalog.regclass, $2::pg_catalog."} +
         (composite ? "jsonb" : "text") + ", $3::pg_catalog.jsonb) AS r";
}

}  // namespace

beat::beat(std::string table, ratchet::key key)
    : table_(detail::checked(std::move(table), "a table name")), key_(std::move(key)) {}

beat &beat::set(std::string column, const value &to) {
  patch_[detail::checked(std::move(column), "a column name")] = to.json();
  return *this;
}

beat_result beat::run(pqxx::transaction_base &tx) const {
  const auto row =
      detail::call(tx, statement(key_.composite()), {table_, key_.text(), detail::serialized_or_null(patch_)});
  beat_result result;
  result.outcome_text = row[0].value_or("");
  result.outcome = beat_outcome_from(result.outcome_text);
  result.kept = detail::names(row[1]);
  return result;
}

}  // namespace ratchet
