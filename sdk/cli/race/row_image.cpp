#include "race/row_image.hpp"

#include <fmt/format.h>

#include <vector>

#include "pqxx_seam.hpp"

namespace ratchet::cli {

row_image read_row(pqxx::transaction_base &tx, const std::string &table, std::int64_t id) {
  row_image image;
  const auto answer = detail::execute(tx, fmt::format("SELECT * FROM {} WHERE id = $1", table), {std::to_string(id)});
  for (const auto &field : answer[0]) {
    image[field.name()] = field.is_null() ? std::nullopt : std::optional{field.as<std::string>()};
  }
  return image;
}

pqxx::result save_row(pqxx::transaction_base &tx, const std::string &table, std::int64_t id, const row_image &image,
                      const std::string &returning) {
  std::string assignments;
  std::vector<std::optional<std::string>> parameters{std::to_string(id)};
  for (const auto &[column, content] : image) {
    if (column == "id") continue;
    parameters.push_back(content);
    assignments += fmt::format("{}{} = ${}", assignments.empty() ? "" : ", ", column, parameters.size());
  }
  return detail::execute(tx, fmt::format("UPDATE {} SET {} WHERE id = $1 RETURNING {}", table, assignments, returning),
                         parameters);
}

}  // namespace ratchet::cli
