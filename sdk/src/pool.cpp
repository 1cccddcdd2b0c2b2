#include "pool.hpp"

#include <poll.h>

namespace ratchet {

namespace detail {

namespace {

// Whatever libpqxx calls it: without a connection nothing was sent. Only inside a catch block.
[[noreturn]] void throw_as_connection_error() {
  try {
    rethrow_as_error();
  } catch (const error &e) {
    std::throw_with_nested(error(error_kind::connection, e.what(), e.sqlstate()));
  }
}

}  // namespace

pooled::pooled(const std::string &dsn, const client_options &options)
    : connection(dsn), notices(connection, [handle = options.on_notice](std::string_view text) {
        if (handle) handle(text);
      }) {
  forbid_reconnecting(connection);
  make_verbose(connection);
  connection.set_client_encoding("UTF8");
}

bool pooled::closed_by_server() {
  if (!connection.is_open()) return true;
  pollfd watched{connection.sock(), POLLIN, 0};
  if (poll(&watched, 1, 0) == 0) return false;
  // There is something to read: the end of the connection, or only a notice.
  try {
    connection.get_notifs();
    return !connection.is_open() || poll(&watched, 1, 0) != 0;
  } catch (const std::exception &) {
    return true;
  }
}

pool::pool(std::string dsn, client_options options) : dsn_(std::move(dsn)), options_(std::move(options)) {
  if (options_.pool_size == 0) throw error(error_kind::argument, "a pool of no connections", "22023");
  idle_.reserve(options_.pool_size);  // so that take_back() needs no memory
}

lease pool::acquire() {
  const auto deadline = std::chrono::steady_clock::now() + options_.pool_wait;
  std::unique_lock lock{mutex_};
  for (;;) {
    const auto free = [&] { return !idle_.empty() || places_ < options_.pool_size; };
    if (!freed_.wait_until(lock, deadline, free)) {
      throw error(error_kind::busy,
                  "no connection of the pool came free in " + std::to_string(options_.pool_wait.count()) + " ms");
    }
    if (idle_.empty()) break;
    if (auto usable = take_idle(lock)) return {shared_from_this(), std::move(usable)};
  }
  ++places_;
  lock.unlock();
  try {
    return {shared_from_this(), std::make_unique<pooled>(dsn_, options_)};
  } catch (...) {
    release_place();
    throw_as_connection_error();
  }
}

// The idle connection that was used last; none if it may not be used any more, and then a place is free. Looks at it,
// and closes it, without the mutex.
std::unique_ptr<pooled> pool::take_idle(std::unique_lock<std::mutex> &lock) {
  auto candidate = std::move(idle_.back());
  idle_.pop_back();
  lock.unlock();
  if (too_old(*candidate) || candidate->closed_by_server()) {
    candidate.reset();
    release_place();
  }
  lock.lock();
  return candidate;
}

void pool::take_back(std::unique_ptr<pooled> what) noexcept {
  if (what->discarded || too_old(*what) || !what->connection.is_open()) {
    what.reset();
    release_place();
    return;
  }
  const std::lock_guard lock{mutex_};
  idle_.push_back(std::move(what));
  freed_.notify_one();
}

void pool::release_place() noexcept {
  const std::lock_guard lock{mutex_};
  --places_;
  freed_.notify_one();
}

bool pool::too_old(const pooled &what) const {
  return std::chrono::steady_clock::now() - what.born >= options_.lifetime;
}

}  // namespace detail

lease::lease(std::shared_ptr<detail::pool> owner, std::unique_ptr<detail::pooled> what) noexcept
    : owner_(std::move(owner)), what_(std::move(what)) {}

lease::lease(lease &&) noexcept = default;

lease &lease::operator=(lease &&other) noexcept {
  if (this == &other) return *this;
  give_back();
  owner_ = std::move(other.owner_);
  what_ = std::move(other.what_);
  return *this;
}

lease::~lease() { give_back(); }

void lease::give_back() noexcept {
  if (what_) owner_->take_back(std::move(what_));
}

pqxx::connection &lease::connection() const noexcept { return what_->connection; }

void lease::discard() noexcept { what_->discarded = true; }

}  // namespace ratchet
