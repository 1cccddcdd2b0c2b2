// The rows of libpqxx as those of the SDK.
#pragma once

#include <pqxx/pqxx>
#include <ratchet/statement.hpp>

namespace ratchet::detail {

inline rows result_rows(const pqxx::result &result) {
  rows answer;
  answer.reserve(static_cast<std::size_t>(result.size()));
  for (const auto &line : result) {
    auto &fields = answer.emplace_back();
    fields.reserve(static_cast<std::size_t>(line.size()));
    for (const auto &field : line) {
      fields.push_back(field.is_null() ? std::optional<std::string>{} : field.as<std::string>());
    }
  }
  return answer;
}

}  // namespace ratchet::detail
