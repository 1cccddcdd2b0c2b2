// All that differs between libpqxx 6.4, 7.x and 8.x. The branches look at major and minor only: Debian's 6.4.5 calls
// itself 6.4.4.
#pragma once

#include <functional>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ratchet::detail {

// Runs one statement with text parameters.
inline pqxx::result execute(pqxx::transaction_base &tx, const std::string &sql,
                            const std::vector<std::optional<std::string>> &parameters) {
#if PQXX_VERSION_MAJOR < 7
  std::vector<const char *> list;
  list.reserve(parameters.size());
  for (const auto &parameter : parameters) list.push_back(parameter ? parameter->c_str() : nullptr);
  return tx.exec_params(sql, pqxx::prepare::make_dynamic_params(list));
#else
  pqxx::params list;
  for (const auto &parameter : parameters) parameter ? list.append(*parameter) : list.append();
#if PQXX_VERSION_MAJOR > 7 || PQXX_VERSION_MINOR >= 10
  return tx.exec(sql, list);
#else
  return tx.exec_params(sql, list);
#endif
#endif
}

// A transaction whose begin command is given and whose commit() succeeds only if the server committed. libpqxx's own
// takes the answer ROLLBACK to COMMIT, in a transaction that met an error, for success.
class checked_transaction final : public pqxx::dbtransaction {
 public:
#if PQXX_VERSION_MAJOR < 7
  checked_transaction(pqxx::connection &connection, std::string begin)
      : namedclass{"transaction"}, dbtransaction{connection}, begin_(std::move(begin)) {
    Begin();
  }
  ~checked_transaction() noexcept override { End(); }
#else
  checked_transaction(pqxx::connection &connection, const std::string &begin) : dbtransaction{connection} {
    register_transaction();
    send(begin);
  }
#if PQXX_VERSION_MAJOR < 8
  ~checked_transaction() noexcept override { close(); }
#else
  ~checked_transaction() noexcept override { close(pqxx::sl::current()); }
#endif
#endif

 private:
  // Any statement fails with 25P02 where the transaction met an error, and COMMIT is not reached then. UNLISTEN is the
  // cheapest, since nothing is planned, and nobody listens to that name. Both go in one message, so that it costs no
  // round trip.
  void commit_or_fail() {
    try {
      send("UNLISTEN ratchet_no_channel; COMMIT");
    } catch (const std::exception &e) {
      if (!conn().is_open()) throw pqxx::in_doubt_error{e.what()};
      // Where COMMIT was not reached the backend is still in the transaction. Otherwise this does nothing.
      send("ROLLBACK");
      throw;
    }
  }

#if PQXX_VERSION_MAJOR < 7
  void do_begin() override { send(begin_); }
  void send(const std::string &sql) { direct_exec(sql.c_str()); }
  std::string begin_;
#elif PQXX_VERSION_MAJOR < 8
  void send(const std::string &sql) { direct_exec(std::string_view{sql}); }
#else
  void send(const std::string &sql) { direct_exec(std::string_view{sql}, pqxx::sl::current()); }
#endif

#if PQXX_VERSION_MAJOR < 8
  void do_commit() override { commit_or_fail(); }
#else
  void do_commit(pqxx::sl) override { commit_or_fail(); }
#endif
};

// Hands what the server and libpqxx tell about a connection besides answers to a function, instead of printing it. The
// connection must not outlive it.
class notice_handler {
 public:
  using function = std::function<void(std::string_view)>;

#if PQXX_VERSION_MAJOR < 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR < 10)
  notice_handler(pqxx::connection &connection, function handle) : handler_(connection, std::move(handle)) {}
#else
  notice_handler(pqxx::connection &connection, function handle) {
    connection.set_notice_handler([handle = std::move(handle)](pqxx::zview text) { handle(text); });
  }
#endif
  notice_handler(const notice_handler &) = delete;
  notice_handler &operator=(const notice_handler &) = delete;

#if PQXX_VERSION_MAJOR < 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR < 10)
 private:
  struct handler : pqxx::errorhandler {
    handler(pqxx::connection &connection, function handle)
        : pqxx::errorhandler(connection), handle_(std::move(handle)) {}
    bool operator()(const char text[]) noexcept override {
      handle_(text);
      return false;
    }
    function handle_;
  };
  handler handler_;
#endif
};

// Has errors say which table, column and constraint they are about.
inline void make_verbose(pqxx::connection &connection) {
#if PQXX_VERSION_MAJOR < 7
  connection.set_verbosity(pqxx::connection::verbose);
#else
  connection.set_verbosity(pqxx::error_verbosity::verbose);
#endif
}

// A lost connection stays lost. libpqxx 6 would make a new one in the middle of a transaction, and run what follows
// outside of it.
inline void forbid_reconnecting(pqxx::connection &connection) {
#if PQXX_VERSION_MAJOR < 7
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  connection.inhibit_reactivation(true);
#pragma GCC diagnostic pop
#else
  (void)connection;
#endif
}

}  // namespace ratchet::detail
