#include <exception>
#include <ratchet/client.hpp>
#include <thread>

#include "backoff.hpp"
#include "pool.hpp"

namespace ratchet {

namespace detail {

bool attempts::again(const error &cause) {
  thread_local std::mt19937 random{std::random_device{}()};
  const auto wait = jittered(attempt_, random);
  if (std::chrono::steady_clock::now() + wait > begun_ + options_.patience) return false;
  if (options_.on_retry) options_.on_retry({attempt_, cause, wait});
  std::this_thread::sleep_for(wait);
  ++attempt_;
  return true;
}

}  // namespace detail

namespace {

std::string begin_command(const transact_options &options) {
  std::string command = "BEGIN";
  switch (options.isolation) {
    case isolation::server_default:
      break;
    case isolation::read_committed:
      command += " ISOLATION LEVEL READ COMMITTED";
      break;
    case isolation::repeatable_read:
      command += " ISOLATION LEVEL REPEATABLE READ";
      break;
    case isolation::serializable:
      command += " ISOLATION LEVEL SERIALIZABLE";
      break;
  }
  if (options.read_only) command += " READ ONLY";
  return command;
}

// The exception that is being handled, as an error where libpqxx threw it; any other is thrown on.
error current_error() {
  try {
    rethrow_as_error();
  } catch (const error &e) {
    return e;
  }
}

bool lost(const error &e) { return e.kind() == error_kind::connection || e.kind() == error_kind::in_doubt; }

// Throws `e` with the exception that is being handled inside.
[[noreturn]] void throw_current_as(error_kind kind, const error &e) {
  std::throw_with_nested(error(kind, e.what(), e.sqlstate(), {e.table(), e.column(), e.constraint()}));
}

rows run_alone(lease &lent, const statement &what) {
  try {
    pqxx::nontransaction session{lent.connection()};
    auto answer = run(session, what);
    session.commit();
    return answer;
  } catch (const error &e) {
    if (!lost(e)) throw;
    // The statement commits by itself, so nobody knows whether it has.
    lent.discard();
    throw_current_as(error_kind::in_doubt, e);
  }
}

// One attempt of a transaction. Errors are told apart by whether COMMIT was sent.
void run_once(lease &lent, const std::string &begin, const std::function<void(pqxx::dbtransaction &)> &f) {
  try {
    detail::checked_transaction tx{lent.connection(), begin};
    f(tx);
    tx.commit();
  } catch (...) {
    const auto e = current_error();
    if (lost(e)) lent.discard();
    if (e.sqlstate() == "25P02") throw_current_as(error_kind::usage, e);
    rethrow_as_error();
  }
}

// Makes attempts until one succeeds or must be the last. Once the answer to one was lost, nothing may be told but what
// became of it: the next answer, or that it is in doubt.
template <typename Attempt>
auto persist(const retry_options &options, bool repeatable, const Attempt &attempt) {
  detail::attempts attempts{options};
  std::exception_ptr doubt;
  for (;;) {
    try {
      return attempt();
    } catch (const error &e) {
      if (e.kind() == error_kind::in_doubt && repeatable) doubt = std::current_exception();
      const bool passing = e.retryable() || (doubt && (lost(e) || e.kind() == error_kind::busy));
      if (passing && attempts.again(e)) continue;
      if (doubt) std::rethrow_exception(doubt);
      throw;
    }
  }
}

}  // namespace

client::client(std::string dsn, client_options options)
    : pool_(std::make_shared<detail::pool>(std::move(dsn), std::move(options))) {}

lease client::acquire() { return pool_->acquire(); }

rows client::send(const statement &what, bool repeatable, const retry_options &options) {
  return persist(options, repeatable, [&] {
    auto lent = pool_->acquire();
    return run_alone(lent, what);
  });
}

batch_result client::run(const batch &records, const retry_options &options) {
  return records.run([&](const statement &what) { return send(what, false, options); });
}

void client::run_transaction(const std::function<void(pqxx::dbtransaction &)> &f, const transact_options &options) {
  const auto begin = begin_command(options);
  persist(options, options.repeatable, [&] {
    auto lent = pool_->acquire();
    run_once(lent, begin, f);
  });
}

}  // namespace ratchet
