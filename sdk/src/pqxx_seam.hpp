// All that differs between libpqxx 6.4, 7.x and 8.x. The branches look at major and minor only: Debian's 6.4.5 calls
// itself 6.4.4.
#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

namespace ratchet::detail {

// Runs one statement with text parameters.
inline pqxx::result execute(pqxx::transaction_base &tx, const std::string &sql,
                            const std::vector<std::optional<std::string>> &parameters) {
#if PQXX_VERSION_MAJOR < 7
  std::vector<const char *> list;
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

}  // namespace ratchet::detail
