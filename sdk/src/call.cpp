#include "call.hpp"

#include <ratchet/error.hpp>
#include <utility>

#include "pqxx_seam.hpp"
#include "text.hpp"

namespace ratchet {

rows run(pqxx::transaction_base &tx, const statement &what) {
  rows answer;
  try {
    const auto result = detail::execute(tx, what.sql, what.parameters);
    answer.reserve(static_cast<std::size_t>(result.size()));
    for (const auto &line : result) {
      auto &fields = answer.emplace_back();
      fields.reserve(static_cast<std::size_t>(line.size()));
      for (const auto &field : line) {
        fields.push_back(field.is_null() ? std::optional<std::string>{} : field.as<std::string>());
      }
    }
  } catch (...) {
    rethrow_as_error();
  }
  return answer;
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
