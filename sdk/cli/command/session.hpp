// The database that an operator's command works on.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <pqxx/pqxx>
#include <ratchet/statement.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "command/exit_code.hpp"
#include "pqxx_seam.hpp"

namespace ratchet::cli {

// What every such command can be told.
struct session_options {
  std::string dsn;
  bool json = false;
};

// Adds --json, and what says which database: its dsn is whole once the command has been parsed.
void declare_session(CLI::App &command, session_options &options);

// A server's message without the lines of context that tell the number and value of a parameter of ours.
std::string without_parameters(std::string_view message);

// Thrown where the user has interrupted the command.
struct stopped : std::exception {
  const char *what() const noexcept override { return "interrupted"; }
};

// A connection to a database with the extension, and what ends a statement on it when the user presses Ctrl-C: the
// statement is cancelled on the server, so that nothing is left running there. Create it on the main thread.
class session {
 public:
  using notice_function = std::function<void(std::string_view)>;

  // Throws std::runtime_error, with words for a person, where the database cannot be reached, has no extension, or has
  // one that this command was not made for. What the server tells besides answers goes to `on_notice`.
  session(const session_options &options, notice_function on_notice);
  ~session();
  session(const session &) = delete;
  session &operator=(const session &) = delete;

  // Runs one statement that commits by itself. Throws ratchet::error, and `stopped` if the user ended it.
  rows run(const statement &what);

  // Runs statements without parameters, sent in one message and so in one transaction; the rows of the last. Throws as
  // run() does.
  rows ask(const std::string &statements);

  // The same for a statement that only looks, and that a table in another transaction's hand would keep waiting: it
  // gives up after ten seconds, if the session has no lock_timeout of its own.
  rows look(const std::string &statement);

  std::string quote(const std::string &text) { return connection_.quote(text); }

  // Waits until there is something to read on the connection, or that long. Throws `stopped`.
  void wait(std::chrono::milliseconds longest);

  // For interrupt_watch, from any thread, once. Does not wait for the server, which may not answer any more.
  void interrupt();

 private:
  void check_extension();
  [[noreturn]] void rethrow();
  void cancel() noexcept;

  std::atomic<bool> stop_{false};
  pqxx::connection connection_;
  detail::notice_handler notices_;
  std::thread canceller_;
};

// Runs the body of a command on a session that Ctrl-C interrupts, and turns what it throws into words and an exit code.
exit_code with_session(
    const session_options &options, const std::function<exit_code(session &)> &body,
    const session::notice_function &on_notice = [](std::string_view) {});

}  // namespace ratchet::cli
