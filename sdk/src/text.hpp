// Text on its way to the server: what PostgreSQL cannot take is refused here, by one wording.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace ratchet::detail {

// Returns `text`; throws error (argument, 22021) if it has an embedded NUL or is not UTF-8. `what` names it in the
// message.
std::string checked(std::string text, std::string_view what);

// Throws error (argument) if a text inside has an embedded NUL (22021) or a number has no JSON form (22023).
void check_document(const nlohmann::json &document, std::string_view what);

// check_document, and the document must be an object (22023).
void check_object(const nlohmann::json &document, std::string_view what);

// The document as it is sent; throws error (argument, 22021) if a text inside is not UTF-8.
std::string serialized(const nlohmann::json &document);

}  // namespace ratchet::detail
