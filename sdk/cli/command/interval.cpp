#include "command/interval.hpp"

namespace ratchet::cli {

std::chrono::microseconds interval_of(session &database, const std::string &text) {
  const auto answer = database.run(
      {"SELECT (EXTRACT(epoch FROM $1::pg_catalog.interval) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8", {text}});
  return std::chrono::microseconds{std::stoll(*answer.at(0).at(0))};
}

CLI::Validator with_unit() {
  return {[](const std::string &text) {
            return text.find_first_not_of("0123456789. ") == std::string::npos
                       ? "'" + text + "' has no unit: write '" + text + " min' or the like"
                       : std::string{};
          },
          ""};
}

}  // namespace ratchet::cli
