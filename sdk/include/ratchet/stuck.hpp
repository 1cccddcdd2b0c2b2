/// @file
/// Finding rows that no worker is processing any more.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/key.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/timestamp.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// A row that is not finished and has shown no sign of life for too long.
struct stuck_row {
  std::string key;                               ///< Its primary key as every other call takes it: a composite one is
                                                 ///< the text of a JSON object.
  std::optional<std::string> state;              ///< Its state; empty where it is NULL, or where several columns have
                                                 ///< states and none was requested.
  std::optional<timestamp> since;                ///< Its last sign of life; empty if there was none, and for infinity.
  std::optional<std::chrono::microseconds> age;  ///< How long ago that was, by the server's clock at the start of the
                                                 ///< transaction; empty where `since` is.
  nlohmann::json expect;                         ///< What it was judged by, an object with the time, the states and the
                                                 ///< gate, for advance::expect.
};

/// A call of `ratchet.stuck()`: lists rows that are not finished (no terminal state, gate open) and have shown no sign
/// of life for that long, oldest first.
///
///     for (const auto &job : ratchet::stuck("jobs", std::chrono::minutes{10}).state("running").run(tx)) {
///       auto r = ratchet::advance("jobs", job.key, "failed").expect(job.expect).run(tx);
///     }
///
/// It locks no row: a listed row may have come back to life before anything is done about it. With what it was judged
/// by, that row is `stale` and not moved. ratchet::sweep does both in one statement.
///
/// Every function that takes text throws ratchet::error (argument, 22021) for an embedded NUL.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own.
class RATCHET_EXPORT stuck {
 public:
  /// Asks for the rows of `table` without a sign of life for `older_than`, of any unit up to hours; the table is
  /// written as in SQL, see submission::submission.
  stuck(std::string table, std::chrono::microseconds older_than);

  /// Only rows in this state, which may be terminal, including rows that have never shown a sign of life.
  stuck &state(const identifier &wanted);
  /// The column, timestamptz or timestamp, that has the last sign of life; by default the contract's heartbeat.
  stuck &since(std::string column);

  /// Runs it. It sees what `tx` sees and does not wait for other transactions.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22: no such state or column, or no `since`
  /// where the contract has no heartbeat), contract (42R01: the table has none), privilege (42501), connection.
  [[nodiscard]] std::vector<stuck_row> run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp. Throws ratchet::error (argument, 22021) for
  /// text that is not UTF-8.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static std::vector<stuck_row> read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: always, because it only reads.
  bool repeatable() const noexcept { return true; }

 private:
  std::string table_;
  std::chrono::microseconds older_than_;
  std::optional<std::string> state_;
  std::optional<std::string> since_;
};

}  // namespace ratchet
