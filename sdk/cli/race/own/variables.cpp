#include "race/own/variables.hpp"

#include <cctype>

namespace ratchet::cli::own {

std::string as_literal(const std::optional<std::string> &value) {
  if (!value) return "NULL";
  // The E makes the meaning of a backslash independent of standard_conforming_strings.
  std::string text = value->find('\\') == std::string::npos ? "'" : " E'";
  for (const char c : *value) {
    if (c == '\'' || c == '\\') text += c;
    text += c;
  }
  return text + '\'';
}

std::string fill_in(std::string text, const variables &known) {
  std::size_t from = 0;
  while ((from = text.find('{', from)) != std::string::npos) {
    const auto end = text.find('}', from);
    if (end == std::string::npos) break;
    const auto found = known.find(text.substr(from + 1, end - from - 1));
    if (found == known.end()) {
      ++from;
      continue;
    }
    const auto value = found->second.value_or("");
    text.replace(from, end - from + 1, value);
    from += value.size();  // what was filled in is not looked into
  }
  return text;
}

std::map<std::string, std::string> as_environment(const variables &known) {
  std::map<std::string, std::string> environment;
  for (const auto &[name, value] : known) {
    if (!value) continue;
    std::string capitals = "RATCHET_";
    for (const unsigned char c : name) capitals += std::isalnum(c) != 0 ? static_cast<char>(std::toupper(c)) : '_';
    environment[capitals] = *value;
  }
  return environment;
}

}  // namespace ratchet::cli::own
