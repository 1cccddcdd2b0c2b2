#include <limits>
#include <ratchet/error.hpp>
#include <ratchet/progress.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say.
std::string sql(const key &key) {
  return std::string{
             "SELECT r.outcome, r.progress"
             " FROM ratchet.progress($1::pg_catalog.regclass, $2::pg_catalog."} +
         detail::key_type(key) + ") AS r";
}

bool is_int64(const nlohmann::json &number) {
  if (!number.is_number_unsigned()) return number.is_number_integer();
  return number.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
}

}  // namespace

std::optional<std::int64_t> parent_progress::count(std::string_view column) const {
  const std::string name{column};
  const auto found = columns.find(name);
  if (found == columns.end()) {
    throw error(error_kind::argument, "no column \"" + name + "\" in the progress of " + parent, "22023");
  }
  if (found->is_null()) return std::nullopt;
  if (!is_int64(*found)) {
    throw error(error_kind::argument, "column \"" + name + "\" of " + parent + " holds no integer", "22023");
  }
  return found->get<std::int64_t>();
}

progress::progress(std::string parent, ratchet::key key)
    : parent_(detail::checked(std::move(parent), "a table name")), key_(std::move(key)) {}

progress_result progress::run(pqxx::transaction_base &tx) const { return read(ratchet::run(tx, to_statement())); }

statement progress::to_statement() const { return {sql(key_), {parent_, key_.text()}}; }

progress_result progress::read(const rows &answer) {
  const auto &line = detail::single(answer, 2);
  progress_result result;
  result.outcome_text = line[0].value_or("");
  result.outcome = progress_outcome_from(result.outcome_text);
  result.progress = detail::parent(line[1]);
  return result;
}

}  // namespace ratchet
