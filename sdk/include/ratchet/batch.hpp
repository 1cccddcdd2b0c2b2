/// @file
/// Storing many records in one call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/outcome.hpp>
#include <ratchet/progress.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// A record of a batch that was not stored, because a row with the same unique key is there already.
struct duplicate {
  std::size_t index = 0;               ///< Its place in the batch, from 0, in the order of batch::add.
  std::string constraint;              ///< Name of the unique constraint that it hit; empty where that is not known.
  std::optional<std::size_t> same_as;  ///< Place of the earlier record of this batch that it repeats; empty: it repeats
                                       ///< a row that was stored before.
};

/// The answer to a batch. True unless nothing was stored: stored or partial.
struct [[nodiscard]] batch_result {
  batch_outcome outcome = batch_outcome::unknown;
  std::string outcome_text;               ///< The outcome as the server spelled it.
  std::int64_t inserted = 0;              ///< How many records were stored.
  std::vector<duplicate> duplicates;      ///< The records that were not, one by one.
  std::vector<parent_progress> progress;  ///< Counters of every parent that stored records belong to, as far as the
                                          ///< role may read them; none without flush.

  /// Whether anything was stored, so that there is something to commit. Also true for an empty batch.
  explicit operator bool() const noexcept {
    return outcome == batch_outcome::stored || outcome == batch_outcome::partial;
  }
};

/// See http_status(batch_outcome).
inline int http_status(const batch_result &result) noexcept { return http_status(result.outcome); }

/// A call of `ratchet.submit_batch()`: stores records in a table, leaves out those that are there already, and tells
/// what the parents that they belong to have come to.
///
///     ratchet::batch batch("results");
///     for (const auto &a : answers) batch.add({{"run_id", run}, {"question_id", a.question}, {"right", a.right}});
///     auto r = batch.run(tx);
///
/// A batch is one statement, however long: split a large one, about 1,000 records a call do well. Calls may overlap
/// in any order without deadlocks, and a call whose answer was lost may be made again: what it stored is then told as
/// duplicates.
class RATCHET_EXPORT batch {
 public:
  /// A batch for the table `child`, which is written as in SQL, see submission::submission. Throws ratchet::error
  /// (argument, 22021) for an embedded NUL.
  explicit batch(std::string child);

  /// Adds a record, an object over columns. Throws ratchet::error (argument) for a document that is no object (22023),
  /// for an embedded NUL (22021) and for a number without a JSON form (22023); the batch is as it was then.
  batch &add(const nlohmann::json &record);

  /// `flush(false)` leaves the counters to the end of the transaction, or to `SELECT ratchet.flush()`: for several
  /// batches in one transaction, so that their parents are locked once and late. The answer has no progress then.
  batch &flush(bool now);

  /// How many records it has.
  std::size_t size() const noexcept { return size_; }
  /// Whether it has none.
  bool empty() const noexcept { return size_ == 0; }

  /// Runs it. Waits while another transaction holds one of the parents, or stores a record with the same key.
  ///
  /// Throws ratchet::error, after which `tx` is aborted and nothing of the batch is stored: argument (class 22),
  /// constraint (class 23 for anything but a unique key, such as a parent that does not exist), contract (55R01),
  /// contention (40001, 40P01), privilege (42501), connection.
  batch_result run(pqxx::transaction_base &tx) const;

 private:
  std::string child_;
  std::string records_;  // JSON of the records, between commas
  std::size_t size_ = 0;
  bool flush_ = true;
};

}  // namespace ratchet
