#include <ratchet/submission.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say. The
// time comes as microseconds since 1970, so that neither TimeZone nor DateStyle has.
std::string statement(bool composite) {
  return std::string{
             "SELECT r.outcome,"
             " CASE WHEN pg_catalog.isfinite(r.submitted_at)"
             " THEN (EXTRACT(epoch FROM r.submitted_at) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 END,"
             " r.submitted_by, r.record, r.progress, r.conflict, pg_catalog.to_jsonb(r.stale)"
             " FROM ratchet.submit($1::pg_catalog.regclass, $2::pg_catalog."} +
         (composite ? "jsonb" : "text") +
         ", $3::pg_catalog.text, $4::pg_catalog.jsonb, $5::pg_catalog.text, $6::pg_catalog.regclass,"
         " $7::pg_catalog.jsonb, $8::pg_catalog.jsonb) AS r";
}

}  // namespace

submission::submission(std::string table, ratchet::key key)
    : table_(detail::checked(std::move(table), "a table name")), key_(std::move(key)) {}

submission &submission::actor(const identifier &who) {
  actor_ = who.text();
  return *this;
}

submission &submission::set(std::string column, const value &to) {
  patch_[detail::checked(std::move(column), "a column name")] = to.json();
  return *this;
}

submission &submission::idempotency_key(const identifier &request) {
  idempotency_key_ = request.text();
  return *this;
}

submission &submission::store_in(std::string child, const nlohmann::json &record) {
  detail::check_object(record, "a record");
  child_ = detail::checked(std::move(child), "a table name");
  record_ = record;
  return *this;
}

submission &submission::expect(std::string column, const value &current) {
  expect_[detail::checked(std::move(column), "a column name")] = current.json();
  return *this;
}

submit_result submission::run(pqxx::transaction_base &tx) const {
  const auto row = detail::call(tx, statement(key_.composite()),
                                {table_, key_.text(), actor_, detail::serialized_or_null(patch_), idempotency_key_,
                                 child_, detail::serialized_or_null(record_), detail::serialized_or_null(expect_)});
  submit_result result;
  result.outcome_text = row[0].value_or("");
  result.outcome = submit_outcome_from(result.outcome_text);
  result.submitted_at = detail::time(row[1]);
  result.submitted_by = row[2];
  result.record = detail::document(row[3]);
  result.progress = detail::parents(row[4]);
  result.conflict = row[5].value_or("");
  result.stale = detail::names(row[6]);
  return result;
}

}  // namespace ratchet
