#include <cmath>
#include <ratchet/key.hpp>
#include <ratchet/value.hpp>

#include "text.hpp"

namespace ratchet {

value::value(const char *text) {
  if (text != nullptr) json_ = text;
}

value::value(std::string_view text) : json_(detail::checked(std::string{text}, "a value")) {}

value::value(nlohmann::json document) : json_(std::move(document)) { detail::check_document(json_, "a value"); }

// JSON has no word for these, but PostgreSQL reads them from text for every floating-point type.
nlohmann::json value::from_double(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return number;
}

identifier::identifier(std::string_view text) : text_(detail::checked(std::string{text}, "an identifier")) {}

key::key(const nlohmann::json &columns) : composite_(true) {
  detail::check_object(columns, "a key");
  text_ = detail::serialized(columns);
}

}  // namespace ratchet
