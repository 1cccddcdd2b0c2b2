// A program that runs for us and ends with us.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace ratchet::support {

// The operating system user that a server is to run as, because PostgreSQL and PgBouncer refuse root: `postgres`, or
// else `nobody`; empty where we are not root ourselves. Throws std::runtime_error if there is neither.
std::string ordinary_user();

// Owns one child process in a process group of its own, so that Ctrl-C in the terminal is for us alone. It is also
// killed when the thread that started it ends. Not thread-safe.
class child_process {
 public:
  child_process() = default;
  ~child_process();

  child_process(const child_process &) = delete;
  child_process &operator=(const child_process &) = delete;

  // Starts a program as that user (empty: ours); what it prints is appended to `log`. Throws std::system_error.
  void start(const std::vector<std::string> &command, const std::string &log, const std::string &user);

  // Whether it lives; reaps it if not.
  bool running();

  // What waitpid told of the last one that ended.
  int exit_status() const { return exit_status_; }

  // Sends a signal to the whole group.
  void signal(int number) noexcept;

  // The same, and SIGKILL after ten seconds. Returns when the process is gone.
  void end(int number) noexcept;

 private:
  pid_t pid_ = 0;  // 0: none
  int exit_status_ = 0;
};

}  // namespace ratchet::support
