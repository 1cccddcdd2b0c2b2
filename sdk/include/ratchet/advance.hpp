/// @file
/// Moving one row along the graph of its states.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/key.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/progress.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/value.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// The answer to a move. Converts to true when this request has moved the row, now or earlier: advanced, replayed.
struct [[nodiscard]] advance_result {
  advance_outcome outcome = advance_outcome::unknown;  ///< The outcome.
  std::string outcome_text;                            ///< The outcome as the server spelled it.
  std::optional<std::string> state;       ///< The state of the row afterwards; empty where it was not examined.
  std::optional<std::string> was;         ///< The one before; empty where it was not examined or not begun (NULL).
  std::optional<nlohmann::json> record;   ///< The stored child row; after replayed and already_there that of the move.
  std::vector<parent_progress> progress;  ///< Counters of the parents of row and record that the role may read; none
                                          ///< unless with_progress() asked.
  std::vector<std::string> kept;          ///< Columns of the call that the contract kept at their current value.
  std::string conflict;                   ///< Name of the constraint or index that the record violates.
  std::vector<std::string> stale;         ///< Columns whose values are not as expected.

  /// Whether this request has moved the row, now or earlier. That another one had moved it there before is no success:
  /// of two workers that claim a job, one has it.
  explicit operator bool() const noexcept {
    return outcome == advance_outcome::advanced || outcome == advance_outcome::replayed;
  }
};

/// See http_status(advance_outcome).
inline int http_status(const advance_result &result) noexcept { return http_status(result.outcome); }

/// A call of `ratchet.advance()`: moves one row to another state, sets columns and stores a record, all or nothing.
///
///     auto r = ratchet::advance("interviews", id, "enhancing").store_in("prompts", {{"body", text}}).run(tx);
///     if (!r) return reply(ratchet::http_status(r));
///
/// Of concurrent calls that lead to the same state, one returns `advanced`, the others `already_there`. The contract's
/// heartbeat, if any, is set too. Names are checked here, values by the server. Every function that takes text throws
/// ratchet::error (argument, 22021) for an embedded NUL.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own.
class RATCHET_EXPORT advance {
 public:
  /// A move of the row `key` of `table` to `state`, a value of the column with states: text, a label of an enum or an
  /// integer. The table is written as in SQL, see submission::submission.
  advance(std::string table, ratchet::key key, const identifier &state);

  /// The state column to move; needed where the contract has several.
  advance &state_column(std::string column);
  /// Sets a column of the row in the same statement, if it moves. If a column is set twice, the last value counts.
  advance &set(std::string column, const value &to);
  /// Identifies the request: repeated with the key that was stored last, it returns `replayed` with the stored record,
  /// whatever state the row is in by then, and whatever it expects.
  advance &idempotency_key(const identifier &request);
  /// Stores `record`, an object keyed by column, in the table `child` together with the move. Its reference to the row
  /// is filled in. Throws ratchet::error (argument, 22023) for a document that is not an object.
  advance &store_in(std::string child, const nlohmann::json &record);
  /// Moves the row only if the column still has this value; otherwise the outcome is `stale`.
  advance &expect(std::string column, const value &current);
  /// The same for every column of an object, such as stuck_row::expect. Throws ratchet::error (argument, 22023) for a
  /// document that is not an object.
  advance &expect(const nlohmann::json &columns);

  /// Writes what the transaction has counted and reports the parents of row and record. Their rows are then held until
  /// the transaction ends, so that two of these in one transaction can deadlock with others; otherwise they are written
  /// at COMMIT.
  advance &with_progress(bool asked = true);

  /// Runs it. Waits while another transaction holds the row; the outcome is settled when `tx` commits.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22: also a state that the graph does not
  /// have), constraint (class 23: 23R01 and 23R03 for a value that a column may not take, in mode reject), contract
  /// (42R01: no contract, or a trigger, rule or policy defeats it), contention (40001 under REPEATABLE READ and
  /// SERIALIZABLE when the row has changed since the snapshot, 40P01), privilege (42501), connection.
  advance_result run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp. Throws ratchet::error (argument, 22021) for
  /// text that is not UTF-8.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static advance_result read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: only if it has an idempotency key.
  bool repeatable() const noexcept { return idempotency_key_.has_value(); }

 private:
  std::string table_;
  ratchet::key key_;
  std::string state_;
  std::optional<std::string> state_column_;
  std::optional<std::string> idempotency_key_;
  std::optional<std::string> child_;
  nlohmann::json patch_;  // these three are null until they are given
  nlohmann::json record_;
  nlohmann::json expect_;
  bool flush_ = false;
};

}  // namespace ratchet
