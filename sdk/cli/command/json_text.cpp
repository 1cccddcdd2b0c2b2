#include "command/json_text.hpp"

#include <nlohmann/json.hpp>

namespace ratchet::cli {

std::string json_text(const rows &answer, const std::vector<std::string> &columns) {
  auto all = nlohmann::json::array();
  for (const auto &line : answer) {
    nlohmann::json object;
    for (std::size_t i = 0; i < columns.size(); ++i)
      object[columns[i]] = line[i] ? nlohmann::json(*line[i]) : nlohmann::json{};
    all.push_back(std::move(object));
  }
  return all.dump(2);
}

}  // namespace ratchet::cli
