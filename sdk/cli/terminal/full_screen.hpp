// A terminal whose whole screen one program has for a while.
#pragma once

#include <termios.h>
#include <csignal>

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "terminal/key.hpp"
#include "terminal/styled_line.hpp"

namespace ratchet::cli {

// While it lives, standard output shows its alternate screen and standard input hands over each key at once, without
// echo; Ctrl-C still is a signal. What was on the screen before comes back with the destructor. There is one at a time.
class full_screen {
 public:
  struct size {
    std::size_t columns;
    std::size_t rows;
  };

  struct event {
    std::vector<key> keys;
    bool resized = false;
    bool woken = false;
    bool closed = false;  // nobody is there any more
  };

  // Throws std::runtime_error where standard input or output is no terminal that can do this.
  explicit full_screen(bool colors);
  ~full_screen();
  full_screen(const full_screen &) = delete;
  full_screen &operator=(const full_screen &) = delete;

  size get_size() const;

  // Shows these lines, and nothing below them; sends only lines that differ from what is shown.
  void show(const std::vector<styled_line> &lines);

  // Has the next show() send everything.
  void forget() { shown_.clear(); }

  // Waits for a key, another size, a wake() or so long.
  event wait(std::chrono::milliseconds longest);

  // Ends a wait(), also the next one. From any thread.
  void wake();

  // Gives the terminal back as it was, once, from any thread: before the process dies of a signal.
  void restore();

  // Stops the process as Ctrl-Z does elsewhere, with the terminal as it was; returns when it is continued.
  void suspend();

 private:
  void take();

  bool colors_;
  termios before_{};
  std::atomic<bool> taken_{false};
  int pipe_[2];
  struct sigaction resize_before_;
  key_decoder decoder_;
  std::vector<std::string> shown_;
};

}  // namespace ratchet::cli
