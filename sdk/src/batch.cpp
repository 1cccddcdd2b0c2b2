#include <ratchet/batch.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say.
constexpr const char *statement =
    "SELECT r.outcome, r.inserted, r.duplicates, r.progress"
    " FROM ratchet.submit_batch($1::pg_catalog.regclass, $2::pg_catalog.jsonb, $3::pg_catalog.bool) AS r";

}  // namespace

batch::batch(std::string child) : child_(detail::checked(std::move(child), "a table name")) {}

batch &batch::add(const nlohmann::json &record) {
  detail::check_object(record, "a record");
  const auto text = detail::serialized(record);
  records_ += size_ == 0 ? text : ',' + text;  // in one step, which succeeds or changes nothing
  ++size_;
  return *this;
}

batch &batch::flush(bool now) {
  flush_ = now;
  return *this;
}

batch_result batch::run(pqxx::transaction_base &tx) const {
  const auto row = detail::call(tx, statement, {child_, '[' + records_ + ']', flush_ ? "true" : "false"});
  batch_result result;
  result.outcome_text = row[0].value_or("");
  result.outcome = batch_outcome_from(result.outcome_text);
  result.inserted = detail::number(row[1]);
  result.duplicates = detail::duplicates(row[2]);
  result.progress = detail::parents(row[3]);
  return result;
}

}  // namespace ratchet
