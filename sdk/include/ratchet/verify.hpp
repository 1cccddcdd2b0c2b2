/// @file
/// Recounting what the tallies maintain.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <pqxx/transaction_base>
#include <ratchet/export.hpp>
#include <ratchet/statement.hpp>
#include <string>
#include <vector>

namespace ratchet {

/// A counter, or a `done`, that differs from the count of its children.
struct drift {
  std::string parent;                  ///< The parent's table.
  std::string child;                   ///< The child's table.
  nlohmann::json key;                  ///< Object with the columns of the parent's key.
  std::string column;                  ///< The column that differs.
  std::optional<std::string> stored;   ///< What is in it; empty for NULL.
  std::optional<std::string> counted;  ///< What should be in it; empty for NULL.
};

/// A call of `ratchet.verify()`: recounts and lists what differs. An empty list: all counters are right.
///
///     for (const auto &d : ratchet::verify("runs").run(tx)) warn(d.parent, d.key, d.column);
///
/// Each tally is counted in one snapshot, so writers need not stop; all children are read. `CALL ratchet.repair()`,
/// which cannot run inside a transaction, corrects what it lists; so does `pg_ratchet repair`.
///
/// Thread-safe: it is immutable.
class RATCHET_EXPORT verify {
 public:
  /// All tallies of tables that the role owns.
  verify() = default;
  /// The tallies of one table, parent or child; the table is written as in SQL, see submission::submission.
  explicit verify(std::string table);

  /// Runs it. What `tx` has counted and not written yet is written first, which locks those parents.
  ///
  /// Throws ratchet::error, after which `tx` is aborted: argument (class 22), contract (42R01), privilege (42501: only
  /// the owner), connection.
  [[nodiscard]] std::vector<drift> run(pqxx::transaction_base &tx) const;

  /// The call as SQL, for other clients of PostgreSQL; see statement.hpp.
  [[nodiscard]] statement to_statement() const;
  /// Reads the result from the answer. Throws ratchet::error (other) for an answer of another form.
  static std::vector<drift> read(const rows &answer);
  /// Whether the call may be repeated after its answer was lost: always, because it changes nothing.
  bool repeatable() const noexcept { return true; }

 private:
  std::optional<std::string> table_;
};

}  // namespace ratchet
