/// @file
/// Changing columns of one row under its contract.
#pragma once

#include <nlohmann/json.hpp>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/key.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/value.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// The answer to a change. Converts to true when this call has changed the row: updated.
struct [[nodiscard]] update_result {
  update_outcome outcome = update_outcome::unknown;  ///< The outcome.
  std::string outcome_text;                          ///< The outcome as the server spelled it.
  std::vector<std::string> kept;                     ///< Columns that the contract kept at their current value.
  std::vector<std::string> stale;                    ///< Columns whose values are not as expected.

  /// Whether this call has changed the row.
  explicit operator bool() const noexcept { return outcome == update_outcome::updated; }
  /// Whether the row now has the values of every column that is not in `kept`, whoever wrote them: what is asked when a
  /// form is saved, and not when a job is claimed.
  bool holds() const noexcept { return outcome == update_outcome::updated || outcome == update_outcome::unchanged; }
};

/// See http_status(update_outcome).
inline int http_status(const update_result &result) noexcept { return http_status(result.outcome); }

/// A call of `ratchet.update()`: changes the named columns of one row and reports which of them its contract kept.
///
///     auto r = ratchet::change("scorecards", id).set("comment", text).expect("comment", old).run(tx);
///
/// Every function that takes text throws ratchet::error (argument, 22021) for an embedded NUL.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own.
class RATCHET_EXPORT change {
 public:
  /// A change of the row `key` of `table`; the table is written as in SQL, see submission::submission.
  change(std::string table, ratchet::key key);

  /// Sets a column. If a column is set twice, the last value counts.
  change &set(std::string column, const value &to);
  /// Changes the row only if the column still has this value; otherwise the outcome is `stale`.
  change &expect(std::string column, const value &current);

  /// Runs it. Waits while another transaction holds the row.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22), constraint (23R01: a protected column in
  /// mode reject), contract (42R01: the table has no contract), contention (40001, 40P01), privilege (42501),
  /// connection.
  update_result run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp. Throws ratchet::error (argument, 22021) for
  /// text that is not UTF-8.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static update_result read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: never, because another writer may have changed the row
  /// in the meantime.
  bool repeatable() const noexcept { return false; }

 private:
  std::string table_;
  ratchet::key key_;
  nlohmann::json patch_ = nlohmann::json::object();
  nlohmann::json expect_;  // null until it is given
};

}  // namespace ratchet
