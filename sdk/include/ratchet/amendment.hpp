/// @file
/// Changing a row that its contract has closed.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/key.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/value.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// The answer to an amendment. Converts to true when this call has changed the row: amended.
struct [[nodiscard]] amend_result {
  amend_outcome outcome = amend_outcome::unknown;  ///< The outcome.
  std::string outcome_text;                        ///< The outcome as the server spelled it.
  std::vector<std::string> changed;                ///< Columns that were changed.

  /// Whether this call has changed the row.
  explicit operator bool() const noexcept { return outcome == amend_outcome::amended; }
  /// Whether the row now has the values, whoever wrote them.
  bool holds() const noexcept { return outcome == amend_outcome::amended || outcome == amend_outcome::unchanged; }
};

/// See http_status(amend_outcome).
inline int http_status(const amend_result &result) noexcept { return http_status(result.outcome); }

/// A call of `ratchet.amend()`: corrects any column of one row, whatever its contract says, and leaves a trace in the
/// server log. For the table's owner, and for roles that were granted the privilege.
///
///     auto r = ratchet::amendment("scorecards", id, "wrong candidate").actor(admin).set("submitted_at",
///     nullptr).run(tx);
///
/// Every function that takes text throws ratchet::error (argument, 22021) for an embedded NUL and for text that is not
/// UTF-8.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own.
class RATCHET_EXPORT amendment {
 public:
  /// An amendment of the row `key` of `table` with a reason, which must not be blank; the table is written as in SQL,
  /// see submission::submission.
  amendment(std::string table, ratchet::key key, std::string reason);

  /// Who amends; only logged.
  amendment &actor(const identifier &who);
  /// Sets a column. If a column is set twice, the last value counts.
  amendment &set(std::string column, const value &to);

  /// Runs it. Waits while another transaction holds the row.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22: also for a blank reason), constraint
  /// (class 23), contract (42R01: the table has no contract), contention (40001, 40P01), privilege (42501), connection.
  amend_result run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static amend_result read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: never, because another writer may have changed the row
  /// in the meantime.
  bool repeatable() const noexcept { return false; }

 private:
  std::string table_;
  ratchet::key key_;
  std::string reason_;
  std::optional<std::string> actor_;
  nlohmann::json patch_ = nlohmann::json::object();
};

}  // namespace ratchet
