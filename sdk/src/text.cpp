#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <ratchet/error.hpp>

namespace ratchet::detail {

namespace {

void refuse_nul(std::string_view text, std::string_view what) {
  if (text.find('\0') == std::string_view::npos) return;
  throw error(error_kind::argument, "embedded NUL in " + std::string{what}, "22021");
}

bool ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::string checked(std::string text, std::string_view what) {
  refuse_nul(text, what);
  if (ascii(text)) return text;  // names mostly are, and nlohmann-json would make a document of them to find out
  try {
    (void)nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error &) {
    std::throw_with_nested(error(error_kind::argument, "text that is not UTF-8 in " + std::string{what}, "22021"));
  }
  return text;
}

void check_document(const nlohmann::json &document, std::string_view what) {
  if (document.is_string()) {
    refuse_nul(document.get_ref<const std::string &>(), what);
  } else if (document.is_number_float()) {
    // dump() would turn these into null without a word
    if (!std::isfinite(document.get<double>())) {
      throw error(error_kind::argument, "number without a JSON form in " + std::string{what}, "22023");
    }
  } else if (document.is_object()) {
    for (const auto &[name, member] : document.items()) {
      refuse_nul(name, what);
      check_document(member, what);
    }
  } else if (document.is_array()) {
    for (const auto &element : document) check_document(element, what);
  } else if (document.is_binary()) {
    throw error(error_kind::argument, "binary value in " + std::string{what}, "22023");
  }
}

void check_object(const nlohmann::json &document, std::string_view what) {
  if (!document.is_object()) {
    throw error(error_kind::argument, std::string{what} + " is not a JSON object", "22023");
  }
  check_document(document, what);
}

std::string serialized(const nlohmann::json &document) {
  try {
    return document.dump();
  } catch (const nlohmann::json::type_error &) {
    std::throw_with_nested(error(error_kind::argument, "text that is not UTF-8", "22021"));
  }
}

}  // namespace ratchet::detail
