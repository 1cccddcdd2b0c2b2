// Ctrl-C and kill, handled on an ordinary thread instead of in a signal handler.
#pragma once

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <thread>

namespace ratchet::support {

// While it lives, SIGINT, SIGTERM and SIGHUP reach only its own thread, which runs a callback for each. Owns that
// thread and the signal mask of the thread that created it. Create it in main() before any other thread, because a
// thread inherits the mask and one that does not have it would be killed as usual.
class interrupt_watch {
 public:
  // The callback answers whether the process is to die of this signal now; it must have cleaned up by then.
  explicit interrupt_watch(std::function<bool()> on_signal);
  ~interrupt_watch();

  interrupt_watch(const interrupt_watch &) = delete;
  interrupt_watch &operator=(const interrupt_watch &) = delete;

 private:
  void watch();

  std::function<bool()> on_signal_;
  sigset_t watched_;
  sigset_t before_;
  std::atomic<bool> finished_ = false;
  std::thread thread_;
};

}  // namespace ratchet::support
