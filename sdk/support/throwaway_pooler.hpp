// A PgBouncer of our own in front of a throwaway server, gone when its owner is.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "child_process.hpp"

namespace ratchet::support {

class throwaway_server;

// Owns a PgBouncer in transaction mode, which listens on a Unix socket beside that of the server, and ends it when
// destroyed. The server must outlive it. Not thread-safe.
class throwaway_pooler {
 public:
  // Whether Debian's package of that name is installed.
  static bool available();

  // Starts it and waits until it accepts connections. Throws std::runtime_error, with the end of its log, when it
  // cannot.
  explicit throwaway_pooler(const throwaway_server &server);
  ~throwaway_pooler();

  throwaway_pooler(const throwaway_pooler &) = delete;
  throwaway_pooler &operator=(const throwaway_pooler &) = delete;

  // Connection string of a database of the server, through the pooler.
  std::string dsn(std::string_view database) const;

 private:
  void write_settings(const throwaway_server &server) const;
  void wait_until_ready();

  std::filesystem::path directory_;
  child_process child_;
};

}  // namespace ratchet::support
