/// @file
/// Moving the rows that no worker is processing any more.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/key.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/timestamp.hpp>
#include <ratchet/value.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// A row that a sweep has moved.
struct swept_row {
  std::string key;                               ///< Its primary key as every other call takes it: a composite one is
                                                 ///< the text of a JSON object.
  std::optional<std::string> was;                ///< The state before; empty where it was not begun (NULL).
  std::string state;                             ///< The state it is in now.
  std::optional<timestamp> since;                ///< Its last sign of life before; empty if there was none.
  std::optional<std::chrono::microseconds> age;  ///< How long ago that was, by the server's clock at the start of the
                                                 ///< transaction; empty where `since` is.
};

/// A call of `ratchet.sweep()`: moves the rows that ratchet::stuck would list to another state, and returns those that
/// it has moved.
///
///     for (const auto &job : client.run(ratchet::sweep("jobs", std::chrono::minutes{10}, "failed").state("running")))
///     {
///       log(job.key, "was given up");
///     }
///
/// A row that somebody has locked is left out, because its worker is alive. Every other one is judged again under its
/// lock, so that a row which has shown a sign of life in the meantime is left alone, and of two sweeps at once each row
/// is moved by one. A row whose move meets something else that somebody holds, such as a key of a unique index, is left
/// to the next sweep after 10 ms. Rows from whose state the graph does not lead there are left out,
/// too. The contract's heartbeat, if any, is set with the move.
///
/// Every function that takes text throws ratchet::error (argument, 22021) for an embedded NUL.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own.
class RATCHET_EXPORT sweep {
 public:
  /// Moves the rows of `table` without a sign of life for `older_than`, of any unit up to hours, to `target_state`; the
  /// table is written as in SQL, see submission::submission.
  sweep(std::string table, std::chrono::microseconds older_than, const identifier &target_state);

  /// Only rows in this state, including those that have never shown a sign of life; see stuck::state.
  sweep &state(const identifier &wanted);
  /// The column, timestamptz or timestamp, that has the last sign of life; by default the contract's heartbeat.
  sweep &since(std::string column);
  /// Sets a column of every row that is moved. If a column is set twice, the last value counts.
  sweep &set(std::string column, const value &to);
  /// At most so many rows, 1,000 by default, those that have been stuck longest first; nothing: all of them. They stay
  /// locked until the transaction ends, so a sweep of many is better made in several transactions.
  sweep &limit(std::optional<int> rows);

  /// Runs it. What it has moved is settled when `tx` commits; that may wait for who has written counts of the same
  /// parent.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22: no such state or column, a limit below 1,
  /// no `since` where the contract has no heartbeat), constraint (class 23: what a column may not take), contract
  /// (42R01: the table has none, or a trigger, rule or policy defeats it), contention (40001 under REPEATABLE READ and
  /// SERIALIZABLE when a row has changed since the snapshot, 40P01), privilege (42501), connection.
  [[nodiscard]] std::vector<swept_row> run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp. Throws ratchet::error (argument, 22021) for
  /// text that is not UTF-8.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static std::vector<swept_row> read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: never on its own. A repetition would harm no row,
  /// because what is in the target state already is not moved again; but its answer would lack what the first one has
  /// moved, and a caller that reports these rows, or does something about them, would miss them without knowing.
  /// Whoever only wants them moved can catch error_kind::in_doubt and sweep again.
  bool repeatable() const noexcept { return false; }

 private:
  std::string table_;
  std::chrono::microseconds older_than_;
  std::string target_state_;
  std::optional<std::string> state_;
  std::optional<std::string> since_;
  nlohmann::json patch_;  // null until it is given
  std::optional<int> limit_ = 1000;
};

}  // namespace ratchet
