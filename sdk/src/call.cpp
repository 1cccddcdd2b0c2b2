#include "call.hpp"

#include <ratchet/error.hpp>

#include "pqxx_seam.hpp"
#include "text.hpp"

namespace ratchet::detail {

std::vector<nullable> call(pqxx::transaction_base &tx, const std::string &sql,
                           const std::vector<nullable> &parameters) {
  std::vector<nullable> columns;
  try {
    const auto answer = execute(tx, sql, parameters);
    if (answer.size() != 1) throw error(error_kind::other, "the server answered no single row");
    for (const auto &field : answer[0]) {
      columns.push_back(field.is_null() ? nullable{} : nullable{field.as<std::string>()});
    }
  } catch (...) {
    rethrow_as_error();
  }
  return columns;
}

nullable serialized_or_null(const nlohmann::json &document) {
  return document.is_null() ? nullable{} : nullable{serialized(document)};
}

}  // namespace ratchet::detail
