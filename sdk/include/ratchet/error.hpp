/// @file
/// The one exception type of the SDK.
#pragma once

#include <memory>
#include <ratchet/export.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ratchet {

/// What kind of failure an error is: enough to decide what to do about it.
enum class error_kind {
  argument,    ///< Bad input: refused by the SDK before anything was sent, or by the server with class 22.
  constraint,  ///< An integrity constraint or a contract in mode reject: class 23, including 23R01 (a protected
               ///< column), 23R02 (a forbidden transition), 23R03 (a column would go backward) and 23R05 (a counter
               ///< would go over its limit).
  stale,      ///< The row has another version than the one that was saved, or a later fence, 23R04: read it again, then
              ///< decide.
  privilege,  ///< The role may not do this: 42501.
  contract,   ///< The contract cannot be enforced, a fault for an operator: 42R01.
  contention,  ///< Serialization failure or deadlock, 40001 or 40P01: run the whole transaction again.
  connection,  ///< The connection could not be made or was lost, or the server is shutting down. Nothing was stored.
  busy,        ///< No connection of the client's pool became free in time. Nothing was sent.
  in_doubt,    ///< The connection was lost during COMMIT, or during a statement that commits by itself: repeat it with
               ///< the same idempotency key.
  usage,       ///< libpqxx refused the call, for instance because the transaction is already closed.
  other        ///< Any other error of the server; see error::sqlstate().
};

/// The name of a kind, as spelled in the enumeration. Never throws.
RATCHET_EXPORT std::string_view to_string(error_kind kind) noexcept;

/// The kind that a SQLSTATE stands for; error_kind::other for one that has no kind of its own. Never throws.
RATCHET_EXPORT error_kind kind_of(std::string_view sqlstate) noexcept;

/// Anything that went wrong and is not an expected race.
///
/// Where libpqxx threw first, its exception is nested inside (`std::rethrow_if_nested`). After an error from the server
/// the transaction is aborted: the caller must not commit it. Thread-safe: it is immutable, and copies may be passed to
/// other threads.
class RATCHET_EXPORT error : public std::runtime_error {
 public:
  /// What the server reported about the location of the error. Empty where it is not known.
  struct place {
    std::string table;       ///< Table name.
    std::string column;      ///< Column name.
    std::string constraint;  ///< Constraint name.
  };

  /// An error with its SQLSTATE (five characters, empty when unknown) and, where known, its location.
  error(error_kind kind, const std::string &message, std::string sqlstate = {}, place where = {});

  /// What kind of failure this is.
  error_kind kind() const noexcept { return kind_; }
  /// SQLSTATE, empty where libpqxx does not report it.
  const std::string &sqlstate() const noexcept { return details_->sqlstate; }
  /// True for 40001 and 40P01 only: the whole transaction, COMMIT included, may be run again.
  bool retryable() const noexcept { return kind_ == error_kind::contention; }
  /// Table that the server named. libpqxx provides it only inside the message of a connection with verbose errors,
  /// which a ratchet::client has (for others: `connection.set_verbosity`), and it is recognised only in English,
  /// libpq's language in a program that has not called setlocale(); empty otherwise, as are column() and constraint().
  /// What verbose errors add is not part of what().
  const std::string &table() const noexcept { return details_->where.table; }
  /// Column that the server named, or empty.
  const std::string &column() const noexcept { return details_->where.column; }
  /// Constraint that the server named, or empty.
  const std::string &constraint() const noexcept { return details_->where.constraint; }

 private:
  struct details {
    std::string sqlstate;
    place where;
  };

  error_kind kind_;
  std::shared_ptr<const details> details_;  // shared, because copying an exception must not throw
};

/// Rethrows the exception that is being handled as a ratchet::error with the original nested inside; a ratchet::error,
/// and an exception that libpqxx did not throw, is rethrown unchanged.
///
/// For a caller's own statements and COMMIT, so that they end in the same error type:
/// `try { tx.commit(); } catch (...) { ratchet::rethrow_as_error(); }`. Only inside a catch block.
[[noreturn]] RATCHET_EXPORT void rethrow_as_error();

/// The HTTP status that fits: 400 argument, 403 privilege, 409 constraint, 412 stale, 503 contention, connection, busy
/// and in_doubt, otherwise 500. Never throws.
RATCHET_EXPORT int http_status(const error &failure) noexcept;

}  // namespace ratchet
