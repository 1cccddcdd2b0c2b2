/// @file
/// A pool of connections, calls of one statement, and transactions that are run again when they lost a race.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <pqxx/connection>
#include <pqxx/dbtransaction>
#include <ratchet/batch.hpp>
#include <ratchet/error.hpp>
#include <ratchet/export.hpp>
#include <ratchet/statement.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ratchet {

namespace detail {
class pool;
struct pooled;
}  // namespace detail

/// How a client keeps its connections.
struct client_options {
  std::size_t pool_size = 8;                  ///< Connections at most; they are made when they are needed.
  std::chrono::milliseconds pool_wait{5000};  ///< How long to wait for a free one before error_kind::busy.
  std::chrono::seconds lifetime{1800};  ///< A connection that old is closed instead of kept, so that none outlives a
                                        ///< failover or a change of the password for long.
  std::function<void(std::string_view)> on_notice;  ///< Is given what the server sends besides answers, such as the
                                                    ///< NOTICE that columns were kept, on the thread that runs the
                                                    ///< statement. By default it is dropped. Must not throw.
};

/// An attempt that is going to be made again.
struct retry {
  int attempt = 1;     ///< Number of the attempt that failed, from 1.
  const error &cause;  ///< Why: contention, in_doubt, or connection while an answer in doubt is asked for again.
  std::chrono::milliseconds wait;  ///< How long it waits before the next.
};

/// How long a client goes on.
struct retry_options {
  std::chrono::milliseconds patience{10000};  ///< No attempt begins later than this after the first. The last error is
                                              ///< thrown then.
  std::function<void(const retry &)> on_retry;  ///< Is called before each wait; what it throws ends the matter.
};

/// What a transaction sees of others, see PostgreSQL's "Transaction Isolation".
enum class isolation {
  server_default,   ///< As `default_transaction_isolation` says.
  read_committed,   ///< Every statement sees what was committed before it.
  repeatable_read,  ///< Every statement sees what the first one saw; 40001 when it would change what has changed since.
  serializable      ///< As if transactions ran one after the other; 40001 when that cannot be.
};

/// How a transaction is run.
struct transact_options : retry_options {
  ratchet::isolation isolation = ratchet::isolation::server_default;  ///< What it sees of others.
  bool read_only = false;                                             ///< Whether it may write nothing.
  bool repeatable = false;  ///< Whether the closure may be run again after the answer to COMMIT was lost, because what
                            ///< it does has an idempotency key: a submission is answered `replayed` then if the first
                            ///< COMMIT had come through, and `submitted` if it had not.
};

/// A connection lent by a client, for one thread; it goes back when this object is destroyed. A connection that is
/// broken is closed instead. Nothing must be left open or set on it: transactions, prepared statements, LISTEN, SET.
class RATCHET_EXPORT lease {
 public:
  /// Takes over what another lease has, which has none afterwards.
  lease(lease &&) noexcept;
  /// Gives its own connection back and takes over that of another lease, which has none afterwards.
  lease &operator=(lease &&) noexcept;
  /// Gives the connection back.
  ~lease();

  /// The connection; not to be kept longer than the lease.
  pqxx::connection &connection() const noexcept;

  /// Has the connection closed instead of kept, because something is left on it or not certain about it.
  void discard() noexcept;

 private:
  friend class detail::pool;
  lease(std::shared_ptr<detail::pool> owner, std::unique_ptr<detail::pooled> what) noexcept;
  void give_back() noexcept;

  std::shared_ptr<detail::pool> owner_;
  std::unique_ptr<detail::pooled> what_;
};

/// Owns a small pool of connections to one database and runs calls and transactions on them.
///
///     ratchet::client client{"host=db dbname=app"};
///     auto r = client.run(ratchet::submission("scorecards", id).actor(user).idempotency_key(request));
///     return ratchet::http_status(r);
///
/// Thread-safe: any number of threads may use one client. Closures and callbacks are called on the thread that called.
/// Connections speak UTF-8, whatever the environment says. Works through PgBouncer in transaction mode: it prepares
/// nothing and sets nothing for a session.
class RATCHET_EXPORT client {
 public:
  /// A client of the database that a libpq connection string or URI names; the PG* variables fill in what it leaves
  /// out. Connects to nothing yet. Throws ratchet::error (argument, 22023) for a pool of no connections.
  explicit client(std::string dsn, client_options options = {});

  /// Runs one call, such as ratchet::submission, as a statement that commits by itself: one round trip.
  ///
  /// It is made again when it met contention, and, if it is repeatable, when its answer was lost; the result says then
  /// what it came to: `replayed` if the first one had been stored, `submitted` if it had not. Throws what the call's
  /// own `run` throws; error_kind::in_doubt if the answer was lost and cannot be asked for; error_kind::busy;
  /// error_kind::connection if no connection could be made.
  template <typename Call>
  auto run(const Call &call, const retry_options &options = {}) {
    return Call::read(send(call.to_statement(), call.repeatable(), options));
  }

  /// Runs a batch, each chunk as a statement that commits by itself. When it throws, the chunks before are stored, as
  /// batch::on_progress reported: the whole batch may be run again, they are duplicates then.
  batch_result run(const batch &records, const retry_options &options = {});

  /// Runs `f` in a transaction and commits. Returns what `f` returns.
  ///
  /// `f` is called with a `pqxx::dbtransaction &`, which it must not commit or abort. After a serialization failure or
  /// a deadlock (40001, 40P01), also at COMMIT, all of it is run again, on a new transaction, so that it must not have
  /// effects elsewhere; it waits for a random time in between, longer each time. When `f` throws, the transaction is
  /// rolled back: libpqxx's exceptions come out as ratchet::error, others unchanged. To roll back without an error,
  /// throw something of your own.
  ///
  /// A transaction that met an error never reports success: if `f` swallowed one without going back to a savepoint
  /// (`pqxx::subtransaction`), the commit throws error_kind::usage and nothing is stored. If the connection is lost
  /// before COMMIT is sent, nothing is stored: error_kind::connection. If it is lost during COMMIT:
  /// error_kind::in_doubt, unless transact_options::repeatable says that `f` may be run again.
  template <typename F>
  auto transact(F &&f, const transact_options &options = {}) {
    using result_type = std::decay_t<std::invoke_result_t<F &, pqxx::dbtransaction &>>;
    if constexpr (std::is_void_v<result_type>) {
      run_transaction([&](pqxx::dbtransaction &tx) { f(tx); }, options);
    } else {
      std::optional<result_type> result;
      run_transaction([&](pqxx::dbtransaction &tx) { result.emplace(f(tx)); }, options);
      return std::move(*result);
    }
  }

  /// Lends a connection, for transactions of one's own. Waits for a free one; throws ratchet::error: busy, connection.
  [[nodiscard]] lease acquire();

 private:
  rows send(const statement &what, bool repeatable, const retry_options &options);
  void run_transaction(const std::function<void(pqxx::dbtransaction &)> &f, const transact_options &options);

  std::shared_ptr<detail::pool> pool_;
};

}  // namespace ratchet
