// Server notices, collected instead of printed. libpqxx has another way for it from 7.10 on.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <utility>

namespace ratchet::cli {

// Keeps the first line of the last notice of a connection, and outlives nothing of it.
class notices {
 public:
#if PQXX_VERSION_MAJOR < 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR < 10)
  explicit notices(pqxx::connection &connection) : handler_(connection, *this) {}
#else
  explicit notices(pqxx::connection &connection) {
    connection.set_notice_handler([this](pqxx::zview text) { keep(std::string{text}); });
  }
#endif
  notices(const notices &) = delete;
  notices &operator=(const notices &) = delete;

  // The last notice since the previous call, or an empty text.
  std::string take() { return std::exchange(last_, {}); }

 private:
  void keep(std::string text) {
    text.erase(std::min(text.find('\n'), text.size()));
    last_ = std::move(text);
  }

#if PQXX_VERSION_MAJOR < 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR < 10)
  struct handler : pqxx::errorhandler {
    handler(pqxx::connection &connection, notices &owner) : pqxx::errorhandler(connection), owner_(owner) {}
    bool operator()(const char text[]) noexcept override {
      owner_.keep(text);
      return false;
    }
    notices &owner_;
  };
  handler handler_;
#endif
  std::string last_;
};

}  // namespace ratchet::cli
