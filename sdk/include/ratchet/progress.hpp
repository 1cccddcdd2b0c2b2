/// @file
/// The counters of a parent, as a tally maintains them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/key.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/statement.hpp>
#include <string>
#include <string_view>

namespace ratchet {

/// What a tally maintains for one parent, such as a run: its counters, and whether it is done.
struct parent_progress {
  std::string parent;        ///< The parent's table with its schema, such as "public.runs".
  nlohmann::json key;        ///< Object with the columns of its key.
  nlohmann::json columns;    ///< Object with the counters and the columns of total, done and done_at. Fractions are
                             ///< doubles here: select a numeric column if every digit of it matters.
  std::optional<bool> done;  ///< Whether it is complete; empty where the tally declares no `done`.

  /// The integer in a column, `count("evaluated_count")`; empty for NULL. Throws ratchet::error (argument, 22023) if
  /// the tally has no such column, or its value is not a 64-bit integer.
  RATCHET_EXPORT std::optional<std::int64_t> count(std::string_view column) const;
};

/// The answer to a request for progress. Converts to true when there is such a parent.
struct [[nodiscard]] progress_result {
  progress_outcome outcome = progress_outcome::unknown;  ///< The outcome.
  std::string outcome_text;                              ///< The outcome as the server spelled it.
  std::optional<parent_progress> progress;               ///< The counters; empty when there is no such row.

  /// Whether there is such a row.
  explicit operator bool() const noexcept { return outcome == progress_outcome::found; }
};

/// See http_status(progress_outcome).
inline int http_status(const progress_result &result) noexcept { return http_status(result.outcome); }

/// A call of `ratchet.progress()`: reads the counters of one parent as they will be committed.
///
///     auto r = ratchet::progress("runs", id).run(tx);
///     if (!r) return reply(ratchet::http_status(r));
///     show(r.progress->count("evaluated_count"), r.progress->done);
///
/// Every function that takes text throws ratchet::error (argument, 22021) for an embedded NUL.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own.
class RATCHET_EXPORT progress {
 public:
  /// Asks for the row `key` of the table `parent`; the table is written as in SQL, see submission::submission.
  progress(std::string parent, ratchet::key key);

  /// Runs it. What this transaction has counted and not written yet (see batch::flush) is written first, which waits
  /// while another transaction holds one of those parents; otherwise it locks no row and does not wait.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22), contract (42R01: no tally counts into the
  /// table), privilege (42501), connection.
  progress_result run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp. Throws ratchet::error (argument, 22021) for
  /// text that is not UTF-8.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static progress_result read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: always, because it only reads.
  bool repeatable() const noexcept { return true; }

 private:
  std::string parent_;
  ratchet::key key_;
};

}  // namespace ratchet
