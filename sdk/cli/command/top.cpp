#include "command/top.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "command/duration.hpp"
#include "command/top_reader.hpp"
#include "interrupt_watch.hpp"
#include "terminal/full_screen.hpp"
#include "top/json.hpp"
#include "top/reader.hpp"
#include "top/screen.hpp"

namespace ratchet::cli {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

top::choices choices_of(const top_arguments &arguments) {
  top::choices result;
  for (std::size_t i = 0; i < top::view_count; ++i) {
    if (arguments.view == top::view_names[i]) result.shown = static_cast<top::view>(i);
  }
  result.filter = arguments.filter;
  result.totals = arguments.totals;
  result.interval = std::chrono::duration_cast<milliseconds>(arguments.interval);
  return result;
}

bool colors_wanted() {
  const char *refused = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && (refused == nullptr || *refused == '\0');
}

// Of the terminal; elsewhere what COLUMNS says, or 80.
std::size_t print_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char *columns = std::getenv("COLUMNS");
  const auto width = columns == nullptr ? 0 : std::strtol(columns, nullptr, 10);
  return width > 0 && width < 10000 ? static_cast<std::size_t>(width) : 80;
}

exit_code print_once(session &database, const top_arguments &arguments) {
  top::reader reader{[&](const std::string &sql) { return database.ask(sql); }, arguments.older_than};
  const auto seen = reader.read();
  if (arguments.json) {
    fmt::print("{}\n", top::json_text(seen));
    return exit_fine;
  }
  auto shown = choices_of(arguments);
  shown.totals = true;
  for (const auto &line : top::draw_once(seen, shown, print_width())) fmt::print("{}\n", line.written(colors_wanted()));
  return exit_fine;
}

// Draws samples and obeys keys, until somebody has had enough.
class live_view {
 public:
  live_view(full_screen &screen, top_reader &reader, const std::atomic<bool> &interrupted, top::choices first)
      : screen_(screen), reader_(reader), interrupted_(interrupted), now_(std::move(first)) {}

  exit_code run() {
    reader_.request();
    due_ = clock::time_point::max();
    for (draw();;) {
      const auto event = screen_.wait(until_due());
      if (interrupted_) return exit_interrupted;
      if (event.closed) return exit_fine;
      if (event.woken) take();
      for (const auto &pressed : event.keys) {
        if (!obey(top::press(now_, pressed, columns_, page_))) return exit_fine;
      }
      if (!now_.paused && clock::now() >= due_) ask();
      if (event.resized) screen_.forget();
      draw();
    }
  }

 private:
  milliseconds until_due() const {
    constexpr milliseconds longest{60000};
    if (now_.paused || due_ == clock::time_point::max()) return longest;
    const auto left = std::chrono::duration_cast<milliseconds>(due_ - clock::now()) + milliseconds{1};
    return std::clamp(left, milliseconds{0}, longest);
  }

  void ask() {
    due_ = clock::time_point::max();
    reader_.request();
  }

  void take() {
    auto result = reader_.take();
    if (!result) return;
    // A new connection is tried at once, then as often as one reads, but not in a hurry.
    constexpr milliseconds shortest{1000};
    due_ = clock::now() + (result->seen ? now_.interval : std::max(now_.interval, shortest));
    failure_ = result->seen ? "" : "No answer, trying again: " + result->failure;
    if (!result->seen || now_.paused) return;
    before_ = std::move(seen_);
    seen_ = std::move(result->seen);
  }

  // Whether to go on.
  bool obey(top::request what) {
    switch (what) {
      case top::request::quit:
        return false;
      case top::request::read:
        ask();
        break;
      case top::request::suspend:
        screen_.suspend();
        break;
      case top::request::redraw:
        screen_.forget();
        break;
      default:
        break;
    }
    return true;
  }

  void draw() {
    const auto size = screen_.get_size();
    const auto picture = seen_
                             ? top::draw(before_, *seen_, now_, failure_, size.columns, size.rows)
                             : top::draw_waiting(failure_.empty() ? "Reading ..." : failure_, size.columns, size.rows);
    columns_ = picture.columns;
    page_ = picture.page;
    screen_.show(picture.lines);
  }

  full_screen &screen_;
  top_reader &reader_;
  const std::atomic<bool> &interrupted_;
  top::choices now_;
  std::optional<top::sample> before_;
  std::optional<top::sample> seen_;
  std::string failure_;
  clock::time_point due_;
  std::size_t columns_ = 1;
  std::size_t page_ = 0;
};

exit_code run_live(const top_arguments &arguments) {
  // libpq would wait for a host that does not answer as long as the system does.
  setenv("PGCONNECT_TIMEOUT", "10", 0);
  full_screen screen{colors_wanted()};
  std::atomic<bool> interrupted{false};
  const support::interrupt_watch watch{[&] {
    if (!interrupted.exchange(true)) {
      screen.wake();
      return false;
    }
    screen.restore();
    return true;
  }};
  auto reader = std::make_unique<top_reader>(arguments, arguments.older_than, [&] { screen.wake(); });
  const auto code = live_view{screen, *reader, interrupted, choices_of(arguments)}.run();
  if (!reader->stop(milliseconds{1000})) {
    // Its thread waits for a server that does not answer; nobody waits for that.
    screen.restore();
    std::_Exit(code);
  }
  return code;
}

}  // namespace

CLI::App &declare_top(CLI::App &app, top_arguments &arguments) {
  auto &command = *app.add_subcommand("top", R"(Shows what happens under the contracts of a database, live.

Four views: contracts by what was written, kept and waited for; runs that are nearest to their total; rows that are
stuck; and which application still sends stale saves, to which column. h lists the keys. The first and the last want
the statistics that ratchet keeps where it is in shared_preload_libraries; the others work without.

It only reads. No statement of it may take longer than two seconds or wait for a lock, and a table that takes long is
asked seldom: at most a twentieth of the time is spent on it. On a terminal it uses colors unless NO_COLOR is set.

Exit code: 0 ended by q, or printed with --once, 2 bad usage or an error, 130 interrupted.)");
  add_duration(command, "--interval", arguments.interval, milliseconds{100}, std::chrono::hours{1},
               "How often it reads (default: 2s)");
  command.add_option("--view", arguments.view, "The view to begin with")
      ->check(CLI::IsMember({top::view_names[0], top::view_names[1], top::view_names[2], top::view_names[3]}))
      ->capture_default_str();
  command.add_option("--filter", arguments.filter, "Only lines with this text")->type_name("TEXT");
  command.add_flag("--totals", arguments.totals, "Figures since the statistics were reset, not per second");
  add_duration(command, "--older-than", arguments.older_than, std::chrono::microseconds{0}, std::chrono::hours{876000},
               "How long a row has shown no sign of life when it is stuck (default: 10min)");
  auto *once = command.add_flag("--once", arguments.once, "Print one screen, with totals, and end");
  declare_session(command, arguments);
  command.get_option("--json")->needs(once);
  command.footer(
      "Examples:\n"
      "  pg_ratchet top\n"
      "  pg_ratchet top --view stale --filter scorecards\n"
      "  pg_ratchet top --once --json | jq '.stale_saves[] | {application, table, column, kept}'\n");
  return command;
}

exit_code watch_top(const top_arguments &arguments) {
  if (arguments.once) {
    return with_session(arguments, [&](session &database) { return print_once(database, arguments); });
  }
  // That there is no connection to be had is told before the screen is taken.
  const auto code = with_session(arguments, [](session &) { return exit_fine; });
  if (code != exit_fine) return code;
  try {
    return run_live(arguments);
  } catch (const std::exception &e) {
    fmt::print(stderr, "pg_ratchet: {}\n", e.what());
    return exit_error;
  }
}

}  // namespace ratchet::cli
