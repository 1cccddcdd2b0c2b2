// A PostgreSQL server of our own, gone when its owner is.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "child_process.hpp"

namespace ratchet::support {

struct server_options {
  bool fsync = false;         // nobody needs its data after a crash
  int max_connections = 100;  // superusers included
  const char *preload = "";   // a library, loaded at start
};

// Owns a cluster in a new temporary directory and the server process on it, which listens on a Unix socket in that
// directory only. Stops the server, by its process id, and removes the directory when destroyed. As root it drops the
// server to `postgres` or else `nobody`, as PostgreSQL refuses to run as root.
//
// The server also stops when the thread that called start() ends without the destructor, as after SIGKILL; so call it
// on the main thread. Other functions may be called from any thread.
class throwaway_server {
 public:
  explicit throwaway_server(server_options options = {}) : options_(options) {}
  ~throwaway_server() { stop(); }

  throwaway_server(const throwaway_server &) = delete;
  throwaway_server &operator=(const throwaway_server &) = delete;

  // Creates the cluster and waits until the server accepts connections. Throws std::runtime_error, with the end of the
  // server's log, when it cannot.
  void start();

  // Stops at once and removes the directory. A start() that is under way on another thread fails. May be called twice.
  void stop() noexcept;

  // Shuts the server down at once, as a crash does, and starts it again; connections are lost, data is recovered. Call
  // it on the thread that called start().
  void restart();

  // Where it keeps its data, its log and its socket; for things that are to go with it.
  const std::filesystem::path &directory() const { return directory_; }

  // Connection string, complete: nothing is left to the environment but what forget_pg_environment() removes.
  std::string dsn(std::string_view database = "postgres") const;

  // Creates an empty database; returns its connection string. The name must be a plain identifier.
  std::string create_database(const std::string &name) const;

 private:
  void run_server();
  void launch(const std::vector<std::string> &command);
  int wait_for_exit();
  void wait_until_ready();
  std::string end_of_log() const;

  server_options options_;
  std::filesystem::path directory_;
  std::string user_;  // operating system user to drop to; empty: none

  std::mutex mutex_;     // guards what follows, which stop() reads from another thread
  child_process child_;  // initdb or the server
  bool stopped_ = false;
  bool removed_ = false;
};

// Removes libpq's variables (PGHOST, PGSERVICE and the like) from the environment, so that they cannot redirect a
// connection to a throwaway server. Not thread-safe: call it in main() before any other thread.
void forget_pg_environment();

}  // namespace ratchet::support
