// How far a long command is, for people.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

namespace ratchet::cli {

// A bar on stderr, only where somebody watches.
class progress_bar {
 public:
  explicit progress_bar(int rounds) : rounds_(rounds), shown_(isatty(STDERR_FILENO) == 1) {}
  ~progress_bar() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  progress_bar(const progress_bar &) = delete;
  progress_bar &operator=(const progress_bar &) = delete;

  void show(std::string_view kind, int done) const {
    if (!shown_) return;
    constexpr int width = 40;
    const int filled = static_cast<int>(static_cast<long>(width) * done / rounds_);
    fmt::print(stderr, "\r{:<10}[{:=<{}}{: <{}}] {}/{}", kind, "", filled, "", width - filled, done, rounds_);
  }

 private:
  int rounds_;
  bool shown_;
};

}  // namespace ratchet::cli
