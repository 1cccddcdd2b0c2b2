#include <ratchet/advance.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say.
std::string sql(const key &key) {
  return std::string{
             "SELECT r.outcome, r.state, r.was, r.record, r.progress, pg_catalog.to_jsonb(r.kept), r.conflict,"
             " pg_catalog.to_jsonb(r.stale)"
             " FROM ratchet.advance($1::pg_catalog.regclass, $2::pg_catalog."} +
         detail::key_type(key) +
         ", $3::pg_catalog.text, $4::pg_catalog.jsonb, $5::pg_catalog.regclass, $6::pg_catalog.jsonb,"
         " $7::pg_catalog.jsonb, $8::pg_catalog.text, $9::pg_catalog.name,"
         " $10::pg_catalog.bool) AS r";
}

}  // namespace

advance::advance(std::string table, ratchet::key key, const identifier &state)
    : table_(detail::checked(std::move(table), "a table name")), key_(std::move(key)), state_(state.text()) {}

advance &advance::state_column(std::string column) {
  state_column_ = detail::checked(std::move(column), "a column name");
  return *this;
}

advance &advance::set(std::string column, const value &to) {
  detail::put(patch_, std::move(column), to);
  return *this;
}

advance &advance::idempotency_key(const identifier &request) {
  idempotency_key_ = request.text();
  return *this;
}

advance &advance::store_in(std::string child, const nlohmann::json &record) {
  detail::check_object(record, "a record");
  child_ = detail::checked(std::move(child), "a table name");
  record_ = record;
  return *this;
}

advance &advance::expect(std::string column, const value &current) {
  detail::put(expect_, std::move(column), current);
  return *this;
}

advance &advance::expect(const nlohmann::json &columns) {
  detail::check_object(columns, "what is expected");
  if (expect_.is_null()) expect_ = nlohmann::json::object();
  expect_.update(columns);
  return *this;
}

advance &advance::with_progress(bool asked) {
  flush_ = asked;
  return *this;
}

advance_result advance::run(pqxx::transaction_base &tx) const { return read(ratchet::run(tx, to_statement())); }

statement advance::to_statement() const {
  return {sql(key_),
          {table_, key_.text(), state_, detail::serialized_or_null(patch_), child_, detail::serialized_or_null(record_),
           detail::serialized_or_null(expect_), idempotency_key_, state_column_, flush_ ? "true" : "false"}};
}

advance_result advance::read(const rows &answer) {
  const auto &line = detail::single(answer, 8);
  advance_result result;
  result.outcome_text = line[0].value_or("");
  result.outcome = advance_outcome_from(result.outcome_text);
  result.state = line[1];
  result.was = line[2];
  result.record = detail::document(line[3]);
  result.progress = detail::parents(line[4]);
  result.kept = detail::names(line[5]);
  result.conflict = line[6].value_or("");
  result.stale = detail::names(line[7]);
  return result;
}

}  // namespace ratchet
