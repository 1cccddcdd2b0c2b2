// A line about something that is under way: rewritten in place where somebody watches, otherwise one line now and then.
#pragma once

#include <chrono>
#include <string>

namespace ratchet::cli {

class live_line {
 public:
  live_line();
  ~live_line() { clear(); }

  live_line(const live_line &) = delete;
  live_line &operator=(const live_line &) = delete;

  // Characters of a line of the terminal; 80 where there is none.
  int width() const;

  // Shows the text on stderr: in place of the last one on a terminal, elsewhere on a line of its own, once a second at
  // most unless it is the last one.
  void show(const std::string &text, bool last = false);

  // Takes it away from the terminal.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point printed_{};
};

}  // namespace ratchet::cli
