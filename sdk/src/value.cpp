#include <cmath>
#include <cstdio>
#include <ctime>
#include <ratchet/key.hpp>
#include <ratchet/value.hpp>

#include "text.hpp"

namespace ratchet {

value::value(const char *text) {
  if (text != nullptr) json_ = detail::checked(text, "a value");
}

value::value(std::string_view text) : json_(detail::checked(std::string{text}, "a value")) {}

value::value(nlohmann::json document) : json_(std::move(document)) { detail::check_document(json_, "a value"); }

// JSON has no word for these, but PostgreSQL reads them from text for every floating-point type.
nlohmann::json value::from_double(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return number;
}

// ISO 8601 with the zone UTC, whatever the locale. The year before 1 is 1 BC.
nlohmann::json value::from_time(timestamp time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto micros = static_cast<int>((time - seconds).count());
  const auto clock = static_cast<std::time_t>(seconds.time_since_epoch().count());
  std::tm parts{};
  gmtime_r(&clock, &parts);
  const int year = parts.tm_year + 1900;
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00%s", year > 0 ? year : 1 - year,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, micros,
                year > 0 ? "" : " BC");
  return text;
}

identifier::identifier(std::string_view text) : text_(detail::checked(std::string{text}, "an identifier")) {}

key::key(const nlohmann::json &columns) : composite_(true) {
  detail::check_object(columns, "a key");
  text_ = detail::serialized(columns);
}

}  // namespace ratchet
