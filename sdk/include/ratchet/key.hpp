/// @file
/// How a row, an actor and a request are identified.
#pragma once

#include <nlohmann/json.hpp>
#include <ratchet/export.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ratchet {

/// An integer or a text that identifies something: a user, a request, a row. A uuid is given as text.
///
/// Throws ratchet::error (argument, 22021) for an embedded NUL. Thread-safe: it is immutable.
class RATCHET_EXPORT identifier {
 public:
  /// An integer of any width; not a boolean or a character.
  template <typename T,
            std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>, int> = 0>
  identifier(T number) : text_(std::to_string(number)) {}
  /// A text. The pointer must not be null.
  identifier(const char *text) : identifier(std::string_view{text}) {}
  /// A text.
  identifier(std::string_view text);
  /// A text.
  identifier(const std::string &text) : identifier(std::string_view{text}) {}

  /// The text as it is sent.
  const std::string &text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// The key of one row: the value of a single-column primary key, or a JSON object with the columns of any unique key,
/// `nlohmann::json{{"project_id", 1}, {"evaluator_id", 7}}`. Thread-safe: it is immutable.
class RATCHET_EXPORT key {
 public:
  /// A single-column primary key: integer or text (uuid as text).
  template <typename T, std::enable_if_t<std::is_convertible_v<const T &, identifier>, int> = 0>
  key(const T &single) : key(identifier{single}) {}
  /// A single-column primary key.
  key(identifier single) : text_(std::move(single).text()) {}
  /// An object with the columns of a unique key. Throws ratchet::error (argument) for a document that is not an object
  /// (22023) and for an embedded NUL (22021).
  key(const nlohmann::json &columns);

  /// The key as it is sent.
  const std::string &text() const noexcept { return text_; }
  /// Whether the key is a JSON object.
  bool composite() const noexcept { return composite_; }

 private:
  std::string text_;
  bool composite_ = false;
};

}  // namespace ratchet
