// The connections of a client: at most so many, lent to one thread each.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <ratchet/client.hpp>
#include <string>
#include <vector>

#include "pqxx_seam.hpp"

namespace ratchet::detail {

// A connection with what is known of it.
struct pooled {
  pooled(const std::string &dsn, const client_options &options);

  // Whether the server closed it while it was idle. Looks at the socket, asks nobody.
  bool closed_by_server();

  pqxx::connection connection;
  notice_handler notices;
  std::chrono::steady_clock::time_point born = std::chrono::steady_clock::now();
  bool discarded = false;
};

class pool : public std::enable_shared_from_this<pool> {
 public:
  pool(std::string dsn, client_options options);

  // Waits for a free connection until pool_wait is over. Connects, without holding the mutex, where none is idle.
  // Throws error: busy, connection.
  lease acquire();

  // What a lease gives back; closes it unless it may be used again.
  void take_back(std::unique_ptr<pooled> what) noexcept;

 private:
  std::unique_ptr<pooled> take_idle(std::unique_lock<std::mutex> &lock);
  void release_place() noexcept;
  bool too_old(const pooled &what) const;

  const std::string dsn_;
  const client_options options_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable freed_;
  std::vector<std::unique_ptr<pooled>> idle_;  // the last one was used last
  std::size_t places_ = 0;                     // connections that are idle, lent or being made
};

}  // namespace ratchet::detail
