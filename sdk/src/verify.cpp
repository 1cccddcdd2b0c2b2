#include <ratchet/verify.hpp>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that no search_path has a say.
constexpr const char *sql =
    "SELECT d.parent::pg_catalog.text, d.child::pg_catalog.text, d.key, d.\"column\"::pg_catalog.text, d.stored, "
    "d.counted"
    " FROM ratchet.verify($1::pg_catalog.regclass) AS d";

}  // namespace

verify::verify(std::string table) : table_(detail::checked(std::move(table), "a table name")) {}

std::vector<drift> verify::run(pqxx::transaction_base &tx) const { return read(ratchet::run(tx, to_statement())); }

statement verify::to_statement() const { return {sql, {table_}}; }

std::vector<drift> verify::read(const rows &answer) {
  std::vector<drift> result;
  for (const auto &each : answer) {
    const auto &line = detail::with_columns(each, 6);
    result.push_back({line[0].value_or(""), line[1].value_or(""), detail::document(line[2]).value_or(nlohmann::json{}),
                      line[3].value_or(""), line[4], line[5]});
  }
  return result;
}

}  // namespace ratchet
