#include "interrupt_watch.hpp"

#include <utility>

namespace ratchet::support {

interrupt_watch::interrupt_watch(std::function<bool()> on_signal) : on_signal_(std::move(on_signal)) {
  sigemptyset(&watched_);
  sigaddset(&watched_, SIGINT);
  sigaddset(&watched_, SIGTERM);
  sigaddset(&watched_, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &watched_, &before_);
  thread_ = std::thread{[this] { watch(); }};
}

interrupt_watch::~interrupt_watch() {
  finished_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void interrupt_watch::watch() {
  for (;;) {
    int signal = 0;
    if (sigwait(&watched_, &signal) != 0) continue;
    if (finished_) return;
    if (!on_signal_()) continue;

    // Die of the very signal, so that whoever waits for this process sees the truth.
    std::signal(signal, SIG_DFL);
    sigset_t now;
    sigemptyset(&now);
    sigaddset(&now, signal);
    pthread_sigmask(SIG_UNBLOCK, &now, nullptr);
    raise(signal);
  }
}

}  // namespace ratchet::support
