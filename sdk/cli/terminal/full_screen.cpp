#include "terminal/full_screen.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace ratchet::cli {

namespace {

// Alternate screen, no cursor, and no line that goes on in the next one: what is wider than we think is cut.
constexpr std::string_view begin = "\033[?1049h\033[?25l\033[?7l\033[2J";
constexpr std::string_view finish = "\033[0m\033[?7h\033[?25h\033[?1049l";

// How long a sequence that has begun may take to go on.
constexpr std::chrono::milliseconds escape_time{50};

// Where the signal handler says that the size has changed.
std::atomic<int> resize_pipe{-1};

void tell_resize(int) {
  const int error = errno;
  (void)!write(resize_pipe, "r", 1);
  errno = error;
}

void send(std::string_view text) {
  while (!text.empty()) {
    const auto written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;  // the next wait() finds out
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

full_screen::full_screen(bool colors) : colors_(colors) {
  const char *terminal = std::getenv("TERM");
  const std::string_view name = terminal == nullptr ? "" : terminal;
  if (isatty(STDOUT_FILENO) != 1 || tcgetattr(STDIN_FILENO, &before_) != 0 || name.empty() || name == "dumb") {
    throw std::runtime_error("there is no terminal here to draw on: --once prints what it would show");
  }
  if (pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("no pipe could be made");
  resize_pipe = pipe_[1];
  struct sigaction on_resize {};
  on_resize.sa_handler = tell_resize;
  sigaction(SIGWINCH, &on_resize, &resize_before_);
  take();
}

full_screen::~full_screen() {
  restore();
  sigaction(SIGWINCH, &resize_before_, nullptr);
  resize_pipe = -1;
  close(pipe_[0]);
  close(pipe_[1]);
}

void full_screen::take() {
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | IEXTEN);
  raw.c_iflag &= ~static_cast<tcflag_t>(IXON);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  // These two would leave the screen as it is: the first is a key here, the second is nothing.
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;
  raw.c_cc[VQUIT] = _POSIX_VDISABLE;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  taken_ = true;
  forget();
  send(begin);
}

void full_screen::restore() {
  if (!taken_.exchange(false)) return;
  send(finish);
  tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

void full_screen::suspend() {
  restore();
  raise(SIGSTOP);
  take();
}

full_screen::size full_screen::get_size() const {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {80, 24};
  return {size.ws_col, size.ws_row};
}

void full_screen::show(const std::vector<styled_line> &lines) {
  std::string changes;
  const auto last = std::max(lines.size(), shown_.size());
  shown_.resize(last, std::string(1, '\0'));  // what no line is equal to
  for (std::size_t i = 0; i < last; ++i) {
    auto text = i < lines.size() ? lines[i].written(colors_) : std::string{};
    if (text == shown_[i]) continue;
    changes += "\033[" + std::to_string(i + 1) + ";1H" + text + "\033[K";
    shown_[i] = std::move(text);
  }
  shown_.resize(lines.size());
  send(changes);
}

full_screen::event full_screen::wait(std::chrono::milliseconds longest) {
  event result;
  const auto time = decoder_.is_waiting() ? std::min(longest, escape_time) : longest;
  pollfd watched[] = {{STDIN_FILENO, POLLIN, 0}, {pipe_[0], POLLIN, 0}};
  // A signal ends it too, and has said so in the pipe.
  const int ready = poll(watched, 2, static_cast<int>(std::max<std::chrono::milliseconds::rep>(time.count(), 0)));
  if (ready == 0 && decoder_.is_waiting()) result.keys = decoder_.finish();
  if (ready <= 0) return result;
  char buffer[256];
  if ((watched[1].revents & POLLIN) != 0) {
    for (ssize_t size; (size = read(pipe_[0], buffer, sizeof buffer)) > 0;) {
      const std::string_view told{buffer, static_cast<std::size_t>(size)};
      result.resized = result.resized || told.find('r') != std::string_view::npos;
      result.woken = result.woken || told.find('w') != std::string_view::npos;
    }
  }
  if (watched[0].revents != 0) {
    const auto size = read(STDIN_FILENO, buffer, sizeof buffer);
    if (size > 0) result.keys = decoder_.feed({buffer, static_cast<std::size_t>(size)});
    result.closed = size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN);
  }
  return result;
}

void full_screen::wake() { (void)!write(pipe_[1], "w", 1); }

}  // namespace ratchet::cli
