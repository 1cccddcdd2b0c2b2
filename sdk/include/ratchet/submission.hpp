/// @file
/// Closing the gate of one row, once.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/key.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/progress.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/timestamp.hpp>
#include <ratchet/value.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// The answer to a submission. Converts to true when this request closed the gate: submitted or replayed.
struct [[nodiscard]] submit_result {
  submit_outcome outcome = submit_outcome::unknown;  ///< The outcome.
  std::string outcome_text;                          ///< The outcome as the server spelled it.
  std::optional<timestamp> submitted_at;    ///< When the gate was closed, also for a loser; empty for infinity too.
  std::optional<std::string> submitted_by;  ///< Who closed it, also for a loser; empty where no actor is kept.
  std::optional<nlohmann::json> record;     ///< The stored child row.
  std::vector<parent_progress> progress;    ///< Counters of the parents of row and record that the role may read.
  std::string conflict;                     ///< Name of the constraint or index that the record violates.
  std::vector<std::string> stale;           ///< Columns whose values are not as expected.
  /// How long it takes until the actor may submit again; empty unless the outcome is `limited`.
  std::optional<std::chrono::microseconds> retry_after;

  /// Whether this request closed the gate, now or earlier.
  explicit operator bool() const noexcept {
    return outcome == submit_outcome::submitted || outcome == submit_outcome::replayed;
  }
};

/// See http_status(submit_outcome).
inline int http_status(const submit_result &result) noexcept { return http_status(result.outcome); }

/// The Retry-After header that goes with status 429, in whole seconds, rounded up; 0 for other outcomes. Never throws.
inline std::int64_t retry_after_seconds(const submit_result &result) noexcept {
  constexpr std::int64_t second = 1000000;
  return result.retry_after ? (result.retry_after->count() + second - 1) / second : 0;
}

/// A call of `ratchet.submit()`: closes the gate of one row, sets columns and stores a record, all or nothing.
///
///     auto r = ratchet::submission("scorecards", id).actor(user).set("comment", text).run(tx);
///     if (!r) return reply(ratchet::http_status(r));
///
/// Names are checked here, values by the server. Every function that takes text throws ratchet::error (argument,
/// 22021) for an embedded NUL.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own.
class RATCHET_EXPORT submission {
 public:
  /// A submission of the row `key` of `table`. The table is written as in SQL: `scorecards`, `app.scorecards`,
  /// `"Scorecards"`; an unqualified name is looked up through the search_path of the session.
  submission(std::string table, ratchet::key key);

  /// Who submits; stored in the contract's actor column.
  submission &actor(const identifier &who);
  /// Sets a column of the row in the same statement. If a column is set twice, the last value counts.
  submission &set(std::string column, const value &to);
  /// Identifies the request, so that repeating it after a lost answer returns `replayed`.
  submission &idempotency_key(const identifier &request);
  /// Stores `record`, an object keyed by column, in the table `child` together with the gate. Its reference to the row
  /// is filled in. Throws ratchet::error (argument, 22023) for a document that is not an object.
  submission &store_in(std::string child, const nlohmann::json &record);
  /// Submits only if the column still has this value; otherwise the outcome is `stale`.
  submission &expect(std::string column, const value &current);

  /// Writes what the transaction has counted and reports the parents of row and record. Their rows are then held until
  /// the transaction ends, so that two of these in one transaction can deadlock with others; otherwise they are written
  /// at COMMIT.
  submission &with_progress(bool asked = true);

  /// Runs it. Waits while another transaction holds the row; the outcome is settled when `tx` commits.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22), contract (42R01: no contract, or a
  /// trigger, rule or policy defeats it), contention (40001 under REPEATABLE READ and SERIALIZABLE when the row has
  /// changed since the snapshot, 40P01), privilege (42501), constraint (class 23), connection.
  submit_result run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp. Throws ratchet::error (argument, 22021) for
  /// text that is not UTF-8.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static submit_result read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: only if it has an idempotency key.
  bool repeatable() const noexcept { return idempotency_key_.has_value(); }

 private:
  std::string table_;
  ratchet::key key_;
  std::optional<std::string> actor_;
  std::optional<std::string> idempotency_key_;
  std::optional<std::string> child_;
  nlohmann::json patch_;  // these three are null until they are given
  nlohmann::json record_;
  nlohmann::json expect_;
  bool flush_ = false;
};

}  // namespace ratchet
