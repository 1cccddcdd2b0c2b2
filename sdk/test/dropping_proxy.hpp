// A connection that breaks at the worst moment: after the server has committed, before it could say so.
#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ratchet::test {

// Listens on a Unix socket in a directory of its own and forwards to another. After drop_next() the next message that
// contains that text is forwarded, its answer is awaited and thrown away, and both connections are closed.
class dropping_proxy {
 public:
  // Forwards to this socket.
  explicit dropping_proxy(std::filesystem::path server);
  ~dropping_proxy();

  dropping_proxy(const dropping_proxy &) = delete;
  dropping_proxy &operator=(const dropping_proxy &) = delete;

  // Connection string of that database through the proxy.
  std::string dsn(const std::string &database) const;

  // The next message of any connection with that text, such as "COMMIT", loses its answer.
  void drop_next(std::string text);

 private:
  void accept_until_stopped();
  void forward(int client);
  bool pass_on(int from, int to, bool may_drop);
  bool wanted(const std::string &message);

  std::filesystem::path server_;
  std::filesystem::path directory_;
  int listener_ = -1;
  std::atomic<bool> stop_ = false;
  std::mutex mutex_;  // guards dropped_
  std::string dropped_;
  std::vector<std::thread> connections_;  // of the accepting thread only, until it is joined
  std::thread acceptor_;
};

}  // namespace ratchet::test
