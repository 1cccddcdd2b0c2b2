#include <ratchet/server.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/version.hpp>
#include <string_view>

namespace ratchet {

namespace {

// the first two numbers
std::string_view series(std::string_view version) {
  const auto dot = version.find('.');
  return dot == std::string_view::npos ? version : version.substr(0, version.find('.', dot + 1));
}

}  // namespace

server_check check_server(pqxx::transaction_base &tx) {
  const auto answer = run(tx, {"SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'ratchet'", {}});
  if (answer.empty()) return {};
  const auto installed = answer.front().at(0).value_or("");
  return {installed, series(installed) == series(RATCHET_VERSION)};
}

}  // namespace ratchet
