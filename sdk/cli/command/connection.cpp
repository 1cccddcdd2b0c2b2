#include "command/connection.hpp"

#include <memory>
#include <stdexcept>

namespace ratchet::cli {

namespace {

bool starts_with(const std::string &text, const char *start) { return text.rfind(start, 0) == 0; }

bool is_uri(const std::string &text) { return starts_with(text, "postgresql://") || starts_with(text, "postgres://"); }

void append(std::string &conninfo, const char *keyword, const std::string &value) {
  if (value.empty()) return;
  conninfo += std::string{conninfo.empty() ? "" : " "} + keyword + "='";
  for (const char c : value) {
    if (c == '\'' || c == '\\') conninfo += '\\';
    conninfo += c;
  }
  conninfo += '\'';
}

}  // namespace

std::string conninfo_of(const connection_parts &parts) {
  const bool whole = is_uri(parts.database) || parts.database.find('=') != std::string::npos;
  if (whole && !parts.dsn.empty())
    throw std::invalid_argument("-d has a connection string, and so has --dsn: give one of them");
  std::string conninfo = whole ? parts.database : parts.dsn;
  const bool uri = is_uri(conninfo);
  const auto given = conninfo.size();
  // Of a keyword that comes twice libpq takes the last.
  append(conninfo, "host", parts.host);
  append(conninfo, "port", parts.port);
  append(conninfo, "user", parts.user);
  if (!whole) append(conninfo, "dbname", parts.database);
  if (uri && conninfo.size() > given)
    throw std::invalid_argument("a connection URI says all of host, port, user and database itself");
  return conninfo;
}

void declare_connection(CLI::App &command, std::string &dsn) {
  auto parts = std::make_shared<connection_parts>();
  const std::string group = "Connection (what is left out comes from libpq's PG* variables)";
  command.add_option("-h,--host", parts->host, "Server, or the directory of its socket")
      ->type_name("HOST")
      ->group(group);
  command.add_option("-p,--port", parts->port, "Port")->type_name("PORT")->group(group);
  command.add_option("-U,--username", parts->user, "Role")->type_name("NAME")->group(group);
  command.add_option("-d,--dbname", parts->database, "Database, or a connection string")
      ->type_name("NAME")
      ->group(group);
  command.add_option("--dsn", parts->dsn, "All of it, as a libpq connection string")
      ->type_name("CONNINFO")
      ->group(group);
  command.parse_complete_callback([parts, &dsn] {
    try {
      dsn = conninfo_of(*parts);
    } catch (const std::invalid_argument &fault) {
      throw CLI::ValidationError(fault.what());
    }
  });
}

}  // namespace ratchet::cli
