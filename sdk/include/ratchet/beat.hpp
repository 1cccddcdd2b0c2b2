/// @file
/// The heartbeat of one row, with its progress.
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

/// The answer to a heartbeat. Converts to true when the row is alive; on false, its worker should stop.
struct [[nodiscard]] beat_result {
  beat_outcome outcome = beat_outcome::unknown;  ///< The outcome.
  std::string outcome_text;                      ///< The outcome as the server spelled it.
  std::vector<std::string> kept;                 ///< Columns of the call that the contract kept at their current value.
  std::vector<std::string> stale;                ///< Columns whose values are not as expected.

  /// Whether the row is alive.
  explicit operator bool() const noexcept { return outcome == beat_outcome::alive; }
};

/// See http_status(beat_outcome).
inline int http_status(const beat_result &result) noexcept { return http_status(result.outcome); }

/// A call of `ratchet.beat()`: sets the heartbeat of one row to the current time, and columns with it, unless the row
/// is finished.
///
///     while (ratchet::beat("jobs", id).set("progress", percent()).expect("attempt", attempt).run(tx)) ...
///
/// A worker that expects the attempt in which it took the row learns from its next heartbeat that it was displaced:
/// `stale`. It writes nothing then, so that it does not keep alive what is somebody else's.
///
/// Concurrent calls do not undo one another: the latest heartbeat stays, and so does the highest value of a forward
/// column. A thread that sends heartbeats needs a connection of its own, and must commit each of them: until then no
/// other transaction sees it, and the row stays locked.
///
/// Every function that takes text throws ratchet::error (argument, 22021) for an embedded NUL.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own.
class RATCHET_EXPORT beat {
 public:
  /// A heartbeat of the row `key` of `table`; the table is written as in SQL, see submission::submission.
  beat(std::string table, ratchet::key key);

  /// Sets a column in the same statement. If a column is set twice, the last value counts.
  beat &set(std::string column, const value &to);
  /// Writes only if the column still has this value; otherwise the outcome is `stale`.
  beat &expect(std::string column, const value &current);

  /// Runs it. Waits while another transaction holds the row.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22: also where the contract has no heartbeat),
  /// constraint (23R01, 23R02, 23R03) for a value that a column may not take, in mode reject, contract (42R01: no
  /// contract, or a trigger, rule or policy defeats it), contention (40001 under REPEATABLE READ and SERIALIZABLE when
  /// the row has changed since the snapshot, 40P01), privilege (42501), connection.
  beat_result run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp. Throws ratchet::error (argument, 22021) for
  /// text that is not UTF-8.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static beat_result read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: only if it sets nothing but the heartbeat and expects
  /// nothing. A repetition could find what the first one has written, and take it for somebody else's.
  bool repeatable() const noexcept { return patch_.is_null() && expect_.is_null(); }

 private:
  std::string table_;
  ratchet::key key_;
  nlohmann::json patch_;  // these two are null until they are given
  nlohmann::json expect_;
};

}  // namespace ratchet
