// A row as an ORM holds it between reading and saving.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <pqxx/pqxx>
#include <string>

namespace ratchet::cli {

// Every column, as text.
using row_image = std::map<std::string, std::optional<std::string>>;

// Reads the row of that id.
row_image read_row(pqxx::transaction_base &tx, const std::string &table, std::int64_t id);

// Writes every column but the id, changed or not. Answers the row that `returning` selects.
pqxx::result save_row(pqxx::transaction_base &tx, const std::string &table, std::int64_t id, const row_image &image,
                      const std::string &returning);

}  // namespace ratchet::cli
