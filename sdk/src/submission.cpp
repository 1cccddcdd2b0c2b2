#include <ratchet/submission.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say. The
// time comes as microseconds since 1970, so that neither TimeZone nor DateStyle has.
std::string sql(const key &key) {
  return std::string{
             "SELECT r.outcome,"
             " CASE WHEN pg_catalog.isfinite(r.submitted_at)"
             " THEN (EXTRACT(epoch FROM r.submitted_at) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8 END,"
             " r.submitted_by, r.record, r.progress, r.conflict, pg_catalog.to_jsonb(r.stale),"
             " (EXTRACT(epoch FROM r.retry_after) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8"
             " FROM ratchet.submit($1::pg_catalog.regclass, $2::pg_catalog."} +
         detail::key_type(key) +
         ", $3::pg_catalog.text, $4::pg_catalog.jsonb, $5::pg_catalog.text, $6::pg_catalog.regclass,"
         " $7::pg_catalog.jsonb, $8::pg_catalog.jsonb, $9::pg_catalog.bool) AS r";
}

}  // namespace

submission::submission(std::string table, ratchet::key key)
    : table_(detail::checked(std::move(table), "a table name")), key_(std::move(key)) {}

submission &submission::actor(const identifier &who) {
  actor_ = who.text();
  return *this;
}

submission &submission::set(std::string column, const value &to) {
  detail::put(patch_, std::move(column), to);
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
  detail::put(expect_, std::move(column), current);
  return *this;
}

submission &submission::with_progress(bool asked) {
  flush_ = asked;
  return *this;
}

submit_result submission::run(pqxx::transaction_base &tx) const { return read(ratchet::run(tx, to_statement())); }

statement submission::to_statement() const {
  return {sql(key_),
          {table_, key_.text(), actor_, detail::serialized_or_null(patch_), idempotency_key_, child_,
           detail::serialized_or_null(record_), detail::serialized_or_null(expect_), flush_ ? "true" : "false"}};
}

submit_result submission::read(const rows &answer) {
  const auto &line = detail::single(answer, 8);
  submit_result result;
  result.outcome_text = line[0].value_or("");
  result.outcome = submit_outcome_from(result.outcome_text);
  result.submitted_at = detail::time(line[1]);
  result.submitted_by = line[2];
  result.record = detail::document(line[3]);
  result.progress = detail::parents(line[4]);
  result.conflict = line[5].value_or("");
  result.stale = detail::names(line[6]);
  result.retry_after = detail::duration(line[7]);
  return result;
}

}  // namespace ratchet
