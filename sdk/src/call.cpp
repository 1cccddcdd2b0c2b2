#include "call.hpp"

#include <ratchet/error.hpp>
#include <utility>

#include "pqxx_seam.hpp"
#include "result_rows.hpp"
#include "text.hpp"

namespace ratchet {

rows run(pqxx::transaction_base &tx, const statement &what) {
  try {
    return detail::result_rows(detail::execute(tx, what.sql, what.parameters));
  } catch (...) {
    rethrow_as_error();
  }
}

namespace detail {

const row &with_columns(const row &line, std::size_t columns) {
  if (line.size() < columns) throw error(error_kind::other, "the server's answer lacks columns");
  return line;
}

const row &single(const rows &answer, std::size_t columns) {
  if (answer.size() != 1) throw error(error_kind::other, "the server answered no single row");
  return with_columns(answer.front(), columns);
}

std::string key_type(const key &key) { return key.composite() ? "jsonb" : "text"; }

std::optional<std::string> serialized_or_null(const nlohmann::json &document) {
  return document.is_null() ? std::optional<std::string>{} : serialized(document);
}

void put(nlohmann::json &document, std::string column, const value &to) {
  document[checked(std::move(column), "a column name")] = to.json();
}

}  // namespace detail

}  // namespace ratchet
