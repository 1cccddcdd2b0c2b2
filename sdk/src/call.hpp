// One call of a SQL function of the extension.
#pragma once

#include <nlohmann/json.hpp>
#include <pqxx/transaction_base>
#include <string>
#include <vector>

#include "answer.hpp"

namespace ratchet::detail {

// The columns of one row.
using columns = std::vector<nullable>;

// Runs a statement; returns its rows. Whatever libpqxx throws becomes a ratchet::error.
std::vector<columns> call_rows(pqxx::transaction_base &tx, const std::string &sql,
                               const std::vector<nullable> &parameters);

// Runs a statement that answers exactly one row; returns its columns. Throws as call_rows() does.
columns call(pqxx::transaction_base &tx, const std::string &sql, const std::vector<nullable> &parameters);

// The document as it is sent; SQL NULL for JSON null, an argument that was not given.
nullable serialized_or_null(const nlohmann::json &document);

}  // namespace ratchet::detail
