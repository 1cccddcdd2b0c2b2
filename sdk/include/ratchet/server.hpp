/// @file
/// Whether the server has the extension that this SDK was made for.
#pragma once

#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <string>

namespace ratchet {

/// What check_server() found. Converts to true when the SDK and the extension are compatible.
struct [[nodiscard]] server_check {
  std::string installed;    ///< Version of the extension in this database, "major.minor.patch"; empty: none.
  bool compatible = false;  ///< Whether it has the same first two numbers as RATCHET_VERSION.

  /// Whether it is installed and compatible.
  explicit operator bool() const noexcept { return compatible; }
};

/// Compares the extension in the database with the SDK that the program was built with. Before 1.0 no compatibility is
/// promised between versions, so the first two numbers must be the same; the third may differ.
///
/// A program that checks at startup can report a problem more clearly than its first call could. Throws ratchet::error:
/// connection, or what the server reports.
RATCHET_EXPORT server_check check_server(pqxx::transaction_base &tx);

}  // namespace ratchet
