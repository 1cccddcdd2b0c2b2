// What the calls of SQL functions share.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <ratchet/key.hpp>
#include <ratchet/statement.hpp>
#include <ratchet/value.hpp>
#include <string>

namespace ratchet::detail {

// The row itself; throws error (other) if it has fewer columns.
const row &with_columns(const row &line, std::size_t columns);

// The only row of an answer; throws error (other) if there is another number of them, or if it has fewer columns.
const row &single(const rows &answer, std::size_t columns);

// How the parameter of a key is cast, which chooses the overload: "jsonb" for several columns, otherwise "text".
std::string key_type(const key &key);

// The document as it is sent; SQL NULL for JSON null, an argument that was not given.
std::optional<std::string> serialized_or_null(const nlohmann::json &document);

// Sets a member of a document over columns. Throws error (argument, 22021) for a name that PostgreSQL cannot take.
void put(nlohmann::json &document, std::string column, const value &to);

}  // namespace ratchet::detail
