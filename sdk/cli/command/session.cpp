#include "command/session.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <mutex>
#include <ratchet/error.hpp>
#include <ratchet/server.hpp>
#include <ratchet/version.hpp>
#include <stdexcept>

#include "command/connection.hpp"
#include "interrupt_watch.hpp"
#include "result_rows.hpp"
#include "terminal/lines.hpp"

namespace ratchet::cli {

namespace {

// The session that a signal is for, while there is one.
class interruptible {
 public:
  // Says when a session comes and, before it goes, that it goes.
  class use {
   public:
    use(interruptible &owner, session &now) : owner_(owner) { owner_.set(&now); }
    ~use() { owner_.set(nullptr); }
    use(const use &) = delete;
    use &operator=(const use &) = delete;

   private:
    interruptible &owner_;
  };

  // Whether there was a session that had not been interrupted before.
  bool interrupt() {
    const std::lock_guard lock{mutex_};
    if (now_ == nullptr || interrupted_) return false;
    interrupted_ = true;
    now_->interrupt();
    return true;
  }

 private:
  void set(session *now) {
    const std::lock_guard lock{mutex_};
    now_ = now;
  }

  std::mutex mutex_;
  session *now_ = nullptr;
  bool interrupted_ = false;
};

// "CONTEXT:  unnamed portal parameter $1 = '...'", in whatever language.
bool names_parameter(std::string_view line) {
  const auto dollar = line.find(" $");
  if (dollar == std::string_view::npos) return false;
  const auto number = line.find_first_not_of("0123456789", dollar + 2);
  return number != dollar + 2 && line.substr(std::min(number, line.size()), 3) == " = ";
}

}  // namespace

void declare_session(CLI::App &command, session_options &options) {
  command.add_flag("--json", options.json, "Print JSON instead of text");
  declare_connection(command, options.dsn);
}

std::string without_parameters(std::string_view message) {
  std::string kept;
  while (!message.empty()) {
    const auto end = std::min(message.find('\n'), message.size());
    const auto line = message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
    if (!kept.empty() && names_parameter(line)) continue;
    kept += kept.empty() ? "" : "\n";
    kept += line;
  }
  return kept;
}

session::session(const session_options &options, notice_function on_notice)
    : connection_(options.dsn), notices_(connection_, [this, handle = std::move(on_notice)](std::string_view text) {
        handle(text);
        // Between two statements there was nothing to cancel yet.
        if (stop_) cancel();
      }) {
  pqxx::nontransaction{connection_}.exec(
      "SELECT pg_catalog.set_config('application_name', 'pg_ratchet', false)"
      " WHERE pg_catalog.current_setting('application_name') = ''");
  check_extension();
}

void session::check_extension() {
  pqxx::nontransaction tx{connection_};
  const auto found = check_server(tx);
  if (found) return;
  if (found.installed.empty()) {
    throw std::runtime_error("this database has no extension ratchet: CREATE EXTENSION ratchet");
  }
  throw std::runtime_error(
      fmt::format("this database has version {} of the extension ratchet, and this is the command of version {}",
                  found.installed, RATCHET_VERSION));
}

rows session::run(const statement &what) {
  if (stop_) throw stopped{};
  try {
    pqxx::nontransaction tx{connection_};
    return ratchet::run(tx, what);
  } catch (...) {
    rethrow();
  }
}

rows session::ask(const std::string &statements) {
  if (stop_) throw stopped{};
  try {
    pqxx::nontransaction tx{connection_};
    return detail::result_rows(tx.exec(statements));
  } catch (...) {
    rethrow();
  }
}

rows session::look(const std::string &statement) {
  try {
    return ask(
        "SELECT pg_catalog.set_config('lock_timeout', '10s', true)"
        " WHERE pg_catalog.current_setting('lock_timeout') OPERATOR(pg_catalog.=) '0'; " +
        statement);
  } catch (const error &e) {
    if (e.sqlstate() != "55P03") throw;
    throw std::runtime_error(
        fmt::format("{}\nAnother transaction has locked a table with a contract: pg_locks and "
                    "pg_blocking_pids() say which.",
                    first_line(e.what())));
  }
}

// What is being handled, in words: of a connection that is gone libpqxx knows only what it could not do next.
void session::rethrow() {
  if (stop_) throw stopped{};
  if (!connection_.is_open()) throw std::runtime_error("the connection to the server was lost");
  rethrow_as_error();
}

void session::wait(std::chrono::milliseconds longest) {
  using clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds slice{50};  // how soon Ctrl-C is noticed
  for (const auto end = clock::now() + longest; clock::now() < end;) {
    if (stop_) throw stopped{};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - clock::now());
    pollfd watched{connection_.sock(), POLLIN, 0};
    if (poll(&watched, 1, static_cast<int>(std::min(left, slice).count())) > 0) {
      connection_.get_notifs();  // also takes away what was read
      return;
    }
  }
}

session::~session() {
  if (canceller_.joinable()) canceller_.join();
}

void session::interrupt() {
  stop_ = true;
  canceller_ = std::thread{[this] { cancel(); }};
}

void session::cancel() noexcept {
  try {
    connection_.cancel_query();
  } catch (const std::exception &) {
    // there was nothing to cancel, or nobody to tell
  }
}

exit_code with_session(const session_options &options, const std::function<exit_code(session &)> &body,
                       const session::notice_function &on_notice) {
  // The first signal ends the statement, so that nothing is left running; the second one does not wait for that.
  interruptible current;
  const support::interrupt_watch watch{[&] { return !current.interrupt(); }};
  try {
    session database{options, on_notice};
    const interruptible::use use{current, database};
    return body(database);
  } catch (const stopped &) {
    fmt::print(stderr, "pg_ratchet: interrupted\n");
    return exit_interrupted;
  } catch (const std::exception &e) {
    fmt::print(stderr, "pg_ratchet: {}\n", without_parameters(e.what()));
    return exit_error;
  }
}

}  // namespace ratchet::cli
