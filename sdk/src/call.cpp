#include "call.hpp"

#include <ratchet/error.hpp>
#include <utility>

#include "pqxx_seam.hpp"
#include "text.hpp"

namespace ratchet::detail {

std::vector<columns> call_rows(pqxx::transaction_base &tx, const std::string &sql,
                               const std::vector<nullable> &parameters) {
  std::vector<columns> rows;
  try {
    for (const auto &row : execute(tx, sql, parameters)) {
      auto &fields = rows.emplace_back();
      for (const auto &field : row) {
        fields.push_back(field.is_null() ? nullable{} : nullable{field.as<std::string>()});
      }
    }
  } catch (...) {
    rethrow_as_error();
  }
  return rows;
}

columns call(pqxx::transaction_base &tx, const std::string &sql, const std::vector<nullable> &parameters) {
  auto rows = call_rows(tx, sql, parameters);
  if (rows.size() != 1) throw error(error_kind::other, "the server answered no single row");
  return std::move(rows.front());
}

nullable serialized_or_null(const nlohmann::json &document) {
  return document.is_null() ? nullable{} : nullable{serialized(document)};
}

}  // namespace ratchet::detail
