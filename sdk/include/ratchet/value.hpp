/// @file
/// A value for a column.
#pragma once

#include <chrono>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <ratchet/export.hpp>
#include <ratchet/timestamp.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ratchet {

/// A value for a column: NULL, boolean, number, text or a JSON document.
///
/// Converts implicitly from these, so that `set("comment", text)` reads well. The server converts it to the column's
/// type as `jsonb_populate_record` does: uuids, enums, intervals and numerics of any length are given as text.
///
/// Constructors that take text or a document throw ratchet::error: (argument, 22021) for an embedded NUL, which
/// PostgreSQL cannot store and libpq would cut off silently, and for text that is not UTF-8; (argument, 22023) for NaN
/// or infinity in a document. A document's texts are checked for UTF-8 when it is sent. Thread-safe: it is immutable.
class RATCHET_EXPORT value {
 public:
  /// SQL NULL.
  value(std::nullptr_t) noexcept {}
  /// SQL NULL.
  value(std::nullopt_t) noexcept {}
  /// The value inside, or SQL NULL.
  template <typename T>
  value(const std::optional<T> &maybe) : value(maybe ? value(*maybe) : value(nullptr)) {}

  /// A boolean. A template, so that no pointer converts to one.
  template <typename T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
  value(T truth) : json_(truth) {}
  /// An integer of any width. Characters are neither numbers nor text, and are refused.
  template <typename T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool> &&
                                             !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> &&
                                             !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>,
                                         long> = 0>
  value(T number) : json_(number) {}
  /// A floating-point number, NaN and infinities included.
  template <typename T, std::enable_if_t<std::is_floating_point_v<T>, char> = 0>
  value(T number) : json_(from_double(static_cast<double>(number))) {}

  /// A point in time, for timestamptz; for timestamp, which has no zone, the time in UTC. To the microsecond, rounded
  /// down.
  template <typename Duration>
  value(std::chrono::time_point<std::chrono::system_clock, Duration> time)
      : json_(from_time(std::chrono::floor<std::chrono::microseconds>(time))) {}

  /// A text, or SQL NULL for a null pointer.
  value(const char *text);
  /// A text, UTF-8.
  value(std::string_view text);
  /// A text, UTF-8.
  value(const std::string &text) : value(std::string_view{text}) {}
  /// A JSON document, for columns of any type. JSON null is SQL NULL.
  value(nlohmann::json document);

  /// The value as it is sent.
  const nlohmann::json &json() const noexcept { return json_; }

 private:
  static nlohmann::json from_double(double number);
  static nlohmann::json from_time(timestamp time);

  nlohmann::json json_ = nullptr;
};

}  // namespace ratchet
