// One call of a SQL function of the extension.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <string>
#include <vector>

namespace ratchet::detail {

// A text that may be SQL NULL: what goes to the server, and what comes back.
using nullable = std::optional<std::string>;

// Runs a statement that answers exactly one row; returns its columns. Whatever libpqxx throws becomes a ratchet::error.
std::vector<nullable> call(pqxx::transaction_base &tx, const std::string &sql, const std::vector<nullable> &parameters);

// The document as it is sent; SQL NULL for JSON null, an argument that was not given.
nullable serialized_or_null(const nlohmann::json &document);

// A jsonb column of an answer.
std::optional<nlohmann::json> document(const nullable &column);

// A text[] column of an answer, sent as a JSON array.
std::vector<std::string> names(const nullable &column);

}  // namespace ratchet::detail
