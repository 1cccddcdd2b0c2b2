#include "race/own/sql_scanner.hpp"

#include <cctype>
#include <stdexcept>
#include <string>

namespace ratchet::cli::own {

namespace {

constexpr auto npos = std::string_view::npos;

[[noreturn]] void unterminated(const char *what) { throw std::runtime_error(std::string{"unterminated "} + what); }

bool begins_name(std::string_view sql, std::size_t at) { return at == 0 || !is_name_part(sql[at - 1]); }

// Behind the quote that ends what the one at `at` begins; a doubled quote does not end it.
std::size_t skip_string(std::string_view sql, std::size_t at, bool backslashes) {
  const char quote = sql[at];
  for (auto i = at + 1; i < sql.size(); ++i) {
    if (backslashes && sql[i] == '\\') {
      ++i;
    } else if (sql[i] == quote) {
      if (i + 1 >= sql.size() || sql[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  unterminated(quote == '"' ? "quoted identifier" : "quoted string");
}

std::size_t skip_comment(std::string_view sql, std::size_t at) {
  int depth = 0;
  for (auto i = at; i + 1 < sql.size(); ++i) {
    if (sql[i] == '/' && sql[i + 1] == '*') {
      ++depth;
      ++i;
    } else if (sql[i] == '*' && sql[i + 1] == '/') {
      ++i;
      if (--depth == 0) return i + 1;
    }
  }
  unterminated("comment");
}

std::size_t skip_dollars(std::string_view sql, std::size_t at) {
  auto end = at + 1;
  while (end < sql.size() && is_name_part(sql[end]) && sql[end] != '$') ++end;
  const bool is_quote =
      end < sql.size() && sql[end] == '$' && std::isdigit(static_cast<unsigned char>(sql[at + 1])) == 0;
  if (!is_quote || !begins_name(sql, at)) return at;
  const auto tag = sql.substr(at, end - at + 1);
  const auto close = sql.find(tag, end + 1);
  if (close == npos) unterminated("dollar-quoted string");
  return close + tag.size();
}

}  // namespace

bool is_name_start(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalpha(u) != 0 || c == '_' || u >= 0x80;
}

bool is_name_part(char c) { return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '$'; }

std::size_t skip_quoted(std::string_view sql, std::size_t at) {
  const char c = sql[at];
  const char next = at + 1 < sql.size() ? sql[at + 1] : '\0';
  if (c == '\'' || c == '"') return skip_string(sql, at, false);
  if ((c == 'e' || c == 'E') && next == '\'' && begins_name(sql, at)) return skip_string(sql, at + 1, true);
  if (c == '$') return skip_dollars(sql, at);
  if (c == '/' && next == '*') return skip_comment(sql, at);
  if (c == '-' && next == '-') {
    const auto end = sql.find('\n', at);
    return end == npos ? sql.size() : end;
  }
  return at;
}

}  // namespace ratchet::cli::own
