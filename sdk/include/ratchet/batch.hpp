/// @file
/// Storing many records at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/progress.hpp>
#include <ratchet/statement.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// A record of a batch that was not stored, because a row with the same unique key already exists.
struct duplicate {
  std::size_t index = 0;               ///< Its position in the batch, from 0, in the order of batch::add.
  std::string constraint;              ///< Name of the unique constraint it violates; empty where that is not known.
  std::optional<std::size_t> same_as;  ///< Position of the earlier record in the chunk that it repeats; empty: it
                                       ///< repeats a row that was already stored.
};

/// The answer to a batch. Converts to true unless nothing was stored: stored or partial.
struct [[nodiscard]] batch_result {
  batch_outcome outcome = batch_outcome::unknown;  ///< The outcome.
  std::string outcome_text;                        ///< The outcome as the server spelled it.
  std::int64_t inserted = 0;                       ///< How many records were stored.
  std::vector<duplicate> duplicates;      ///< The records that were not stored, by their position in the batch.
  std::vector<parent_progress> progress;  ///< Counters of every parent of a stored record, as far as the role may
                                          ///< read them; none unless with_progress() asked.
  std::string conflict;                   ///< The limit that the batch would have exceeded; only if it is `full`.

  /// Whether anything was stored, so that there is something to commit. Also true for an empty batch.
  explicit operator bool() const noexcept {
    return outcome == batch_outcome::stored || outcome == batch_outcome::partial;
  }
};

/// See http_status(batch_outcome).
inline int http_status(const batch_result &result) noexcept { return http_status(result.outcome); }

/// The progress of a batch of several chunks.
struct batch_progress {
  std::size_t done = 0;       ///< Records that were sent and answered.
  std::size_t total = 0;      ///< Records of the batch.
  std::int64_t inserted = 0;  ///< Of those, how many were stored; the others were duplicates.
};

/// Stores records in a table by `ratchet.submit_batch()`, skips those that already exist, and reports the progress of
/// their parents.
///
///     auto r = ratchet::batch("results").add_all(answers, [&](const answer &a) {
///       return nlohmann::json{{"run_id", run}, {"question_id", a.question}, {"is_correct", a.correct}};
///     }).run(tx);
///
/// A batch may have any size: it is sent in chunks of one statement each. Calls of one chunk may overlap in any order
/// without deadlocks, and so may longer ones that a ratchet::client runs, where every chunk is a transaction of its
/// own. Inside one transaction, chunks take their locks one after the other: use order_by() there, or be prepared for
/// error_kind::contention. A call whose answer was lost may be repeated: what it stored is then reported as duplicates.
///
/// Only one thread at a time may build it; any number may then run it, each in a transaction of its own. What
/// on_progress() names is called by all of them.
class RATCHET_EXPORT batch {
 public:
  /// A batch for the table `child`, which is written as in SQL, see submission::submission. Throws ratchet::error
  /// (argument, 22021) for an embedded NUL and for text that is not UTF-8.
  explicit batch(std::string child);

  /// Adds a record, an object keyed by column. Throws ratchet::error (argument) for a document that is not an object
  /// (22023), for an embedded NUL or text that is not UTF-8 (22021) and for a number without a JSON form (22023); the
  /// batch is then unchanged.
  batch &add(const nlohmann::json &record);

  /// Adds a record for each element of a range: `convert(element)` makes the object. Throws as add() does, and what
  /// `convert` throws; the earlier records have then been added.
  template <typename Range, typename Convert>
  batch &add_all(const Range &range, Convert convert) {
    for (const auto &element : range) add(convert(element));
    return *this;
  }
  /// Adds every record of a range of objects.
  template <typename Range>
  batch &add_all(const Range &range) {
    for (const auto &record : range) add(record);
    return *this;
  }

  /// Writes the counts with each chunk and reports their parents. Otherwise they are written at COMMIT, or by
  /// ratchet::flush(), so that several batches in one transaction lock their parents once and late. Nothing is gained
  /// by leaving it out where every chunk is a transaction of its own, as with a client.
  batch &with_progress(bool asked = true);

  /// The maximum number of records in a chunk; 1,000 by default. Throws ratchet::error (argument, 22023) for 0.
  batch &chunk(std::size_t records);

  /// Sends the records in the order of these columns, by their JSON values, whatever the order of add(). If every
  /// transaction that stores records of several chunks names the columns of the unique key, that of the parent first,
  /// they cannot deadlock. Throws ratchet::error (argument, 22021) for a name that PostgreSQL cannot take.
  batch &order_by(std::vector<std::string> columns);

  /// Called after every chunk, on the calling thread, before the next one is sent. An exception ends the batch and
  /// propagates: inside a transaction nothing should then be committed; with a client the earlier chunks stay.
  batch &on_progress(std::function<void(const batch_progress &)> report);

  /// How many records it has.
  std::size_t size() const noexcept { return records_.size(); }
  /// Whether it has none.
  bool empty() const noexcept { return records_.empty(); }

  /// Runs it. Waits while another transaction holds one of the parents, or stores a record with the same key.
  ///
  /// Throws ratchet::error, after which `tx` is aborted and nothing of the batch is stored: argument (class 22),
  /// constraint (class 23 for anything but a unique key, such as a parent that does not exist), contract (42R01),
  /// contention (40001, 40P01), privilege (42501), connection.
  batch_result run(pqxx::transaction_base &tx) const;

  /// The same with `send` in place of a transaction: it receives the statement of each chunk, see statement.hpp, and
  /// returns its rows. What it throws is passed on.
  batch_result run(const std::function<rows(const statement &)> &send) const;

 private:
  std::string child_;
  std::vector<std::string> records_;  // each as JSON
  std::vector<std::string> order_by_;
  std::function<void(const batch_progress &)> on_progress_;
  std::size_t chunk_ = 1000;
  bool flush_ = false;
};

}  // namespace ratchet
