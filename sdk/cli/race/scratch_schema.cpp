#include "race/scratch_schema.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <random>
#include <ratchet/server.hpp>
#include <ratchet/version.hpp>
#include <stdexcept>

namespace ratchet::cli {

race_connection::race_connection(const std::string &dsn) : connection_(dsn) {
  pqxx::nontransaction session{connection_};
  session.exec(
      "SET search_path = pg_catalog; SET default_transaction_isolation = 'read committed';"
      " SET lock_timeout = '30s'; SET statement_timeout = '60s'; SET application_name = 'pg_ratchet race'");
}

void require_extension(const std::string &dsn) {
  pqxx::connection connection{dsn};
  pqxx::nontransaction session{connection};
  const auto found = check_server(session);
  if (found) return;
  throw std::runtime_error(
      found.installed.empty()
          ? "the database lacks the extension: run CREATE EXTENSION ratchet in it first"
          : fmt::format("the database has version {} of the extension ratchet, and this is the command of version {}",
                        found.installed, RATCHET_VERSION));
}

scratch_schema::scratch_schema(const std::string &dsn, std::string_view tag, std::string_view variant, bool keep)
    : race_connection(dsn), name_(fmt::format("ratchet_race_{}_{}", tag, variant)), keep_(keep) {
  execute("SET SESSION client_min_messages = error");  // DROP ... CASCADE lists what it drops
  execute("CREATE SCHEMA " + name_);
}

scratch_schema::~scratch_schema() {
  if (keep_) return;
  try {
    pqxx::nontransaction session{connection_};
    session.exec("DROP SCHEMA " + name_ + " CASCADE");
  } catch (const std::exception &e) {
    std::fprintf(stderr, "pg_ratchet: schema %s is left over, and can be dropped: %s\n", name_.c_str(),
                 connection_.is_open() ? e.what() : "the connection to the server was lost");
  }
}

void scratch_schema::execute(const std::string &sql) {
  pqxx::work tx{connection_};
  tx.exec(sql);
  tx.commit();
}

std::string new_tag() { return fmt::format("{:08x}", std::random_device{}()); }

}  // namespace ratchet::cli
