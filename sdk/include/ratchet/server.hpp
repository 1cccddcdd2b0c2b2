/// @file
/// Whether the server has the extension that this SDK was made for.
#pragma once

#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <string>

namespace ratchet {

/// What check_server() found. True when SDK and extension fit together.
struct [[nodiscard]] server_check {
  std::string installed;    ///< Version of the extension in this database, "major.minor.patch"; empty: none.
  bool compatible = false;  ///< Whether it has the same first two numbers as RATCHET_VERSION.

  /// Whether it is there and compatible.
  explicit operator bool() const noexcept { return compatible; }
};

/// Compares the extension in the database with the SDK that the program was built with. Before 1.0 nothing is promised
/// between versions, so that the first two numbers have to be the same; the third may differ.
///
/// A program that checks when it starts can say what is wrong better than its first call can. Throws ratchet::error:
/// connection, or what the server says.
RATCHET_EXPORT server_check check_server(pqxx::transaction_base &tx);

}  // namespace ratchet
