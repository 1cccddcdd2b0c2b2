/// @file
/// SQL and its answer as text: the form of every call of the SDK.
///
/// Every call offers `to_statement()` and a static `read()`, so that it can be sent by libpq, by your own pool or by
/// another client of PostgreSQL: send `sql` with `parameters` as text in order, and pass the columns of the answer as
/// text to `read()`. Both are stateless.
#pragma once

#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// One statement: `$1` stands for the first parameter. The types of the parameters are in the text; empty is SQL NULL.
struct statement {
  std::string sql;                                     ///< The statement, UTF-8.
  std::vector<std::optional<std::string>> parameters;  ///< The parameters as text, UTF-8.
};

/// One row of an answer: its columns as text, empty for SQL NULL.
using row = std::vector<std::optional<std::string>>;
/// The rows of an answer.
using rows = std::vector<row>;

/// Runs a statement inside `tx` and returns all rows. Whatever libpqxx throws becomes a ratchet::error.
[[nodiscard]] RATCHET_EXPORT rows run(pqxx::transaction_base &tx, const statement &what);

}  // namespace ratchet
