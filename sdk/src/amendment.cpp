#include <ratchet/amendment.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say.
std::string sql(const key &key) {
  return std::string{
             "SELECT r.outcome, pg_catalog.to_jsonb(r.changed)"
             " FROM ratchet.amend($1::pg_catalog.regclass, $2::pg_catalog."} +
         detail::key_type(key) + ", $3::pg_catalog.jsonb, $4::pg_catalog.text, $5::pg_catalog.text) AS r";
}

}  // namespace

amendment::amendment(std::string table, ratchet::key key, std::string reason)
    : table_(detail::checked(std::move(table), "a table name")),
      key_(std::move(key)),
      reason_(detail::checked(std::move(reason), "a reason")) {}

amendment &amendment::actor(const identifier &who) {
  actor_ = who.text();
  return *this;
}

amendment &amendment::set(std::string column, const value &to) {
  detail::put(patch_, std::move(column), to);
  return *this;
}

amend_result amendment::run(pqxx::transaction_base &tx) const { return read(ratchet::run(tx, to_statement())); }

statement amendment::to_statement() const {
  return {sql(key_), {table_, key_.text(), detail::serialized(patch_), actor_, reason_}};
}

amend_result amendment::read(const rows &answer) {
  const auto &line = detail::single(answer, 2);
  amend_result result;
  result.outcome_text = line[0].value_or("");
  result.outcome = amend_outcome_from(result.outcome_text);
  result.changed = detail::names(line[1]);
  return result;
}

}  // namespace ratchet
