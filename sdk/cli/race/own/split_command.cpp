#include "race/own/split_command.hpp"

#include <cctype>
#include <stdexcept>

namespace ratchet::cli::own {

std::vector<std::string> split_command(const std::string &text) {
  std::vector<std::string> words;
  bool inside = false;  // of a word
  char quote = '\0';
  const auto add = [&](char c) {
    if (!inside) words.emplace_back();
    inside = true;
    words.back() += c;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'') {
      if (++i == text.size()) throw std::runtime_error("a backslash ends the command: " + text);
      if (quote == '"' && text[i] != '"' && text[i] != '\\') add('\\');
      add(text[i]);
    } else if (quote != '\0' && c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
      if (!inside) words.emplace_back();
      inside = true;
    } else if (quote == '\0' && std::isspace(static_cast<unsigned char>(c)) != 0) {
      inside = false;
    } else {
      add(c);
    }
  }
  if (quote != '\0') throw std::runtime_error("a quote does not end in the command: " + text);
  if (words.empty()) throw std::runtime_error("the command is empty");
  return words;
}

}  // namespace ratchet::cli::own
