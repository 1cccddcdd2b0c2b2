#include "terminal/live_line.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal/lines.hpp"

namespace ratchet::cli {

live_line::live_line() : terminal_(isatty(STDERR_FILENO) == 1) {}

int live_line::width() const {
  winsize size{};
  if (terminal_ && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void live_line::show(const std::string &text, bool last) {
  if (terminal_) {
    fmt::print(stderr, "\r{}\033[K", cut(text, static_cast<std::size_t>(width() - 1)));
    shown_ = true;
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  if (!last && shown_ && now - printed_ < std::chrono::seconds{1}) return;
  fmt::print(stderr, "{}\n", text);
  printed_ = now;
  shown_ = true;
}

void live_line::clear() {
  if (terminal_ && shown_) fmt::print(stderr, "\r\033[K");
  shown_ = false;
}

}  // namespace ratchet::cli
