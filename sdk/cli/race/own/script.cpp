#include "race/own/script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>

#include "race/own/sql_scanner.hpp"

namespace ratchet::cli::own {

namespace {

constexpr const char *spaces = " \t\r\n\f\v";

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(spaces);
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(spaces) - first + 1)};
}

// Splits a script. Keeps where the current statement has begun.
class splitter {
 public:
  splitter(const std::string &name, std::string_view text) : text_(text), result_{name, {}} {}

  script split() {
    try {
      while (at_ < text_.size()) step();
      add({});
    } catch (const std::runtime_error &e) {
      throw std::runtime_error(fmt::format("{}:{}: {}", result_.name, line_at(begin_), e.what()));
    }
    return std::move(result_);
  }

 private:
  void step() {
    if (const auto end = skip_quoted(text_, at_); end != at_) {
      const bool comment = text_[at_] == '-' || text_[at_] == '/';
      if (comment && !begun()) begin_ = end;  // comments before a statement do not belong to it
      at_ = end;
      return;
    }
    const char c = text_[at_];
    if (c == '(' || c == '[') ++depth_;
    if (c == ')' || c == ']') --depth_;
    if (c == '\\') return meta_command();
    ++at_;
    if (c == ';' && depth_ <= 0) add({});
  }

  bool begun() const { return !trimmed(text_.substr(begin_, at_ - begin_)).empty(); }

  // Ends the current statement here, if there is one.
  void add(script_statement statement) {
    auto sql = trimmed(text_.substr(begin_, at_ - begin_));
    while (!sql.empty() && (sql.back() == ';' || std::isspace(static_cast<unsigned char>(sql.back())) != 0))
      sql.pop_back();
    if (!sql.empty()) {
      statement.line = line_at(text_.find_first_not_of(spaces, begin_));
      statement.text = std::move(sql);
      result_.statements.push_back(std::move(statement));
    }
    begin_ = at_;
    depth_ = 0;
  }

  void meta_command() {
    const auto end = std::min(text_.find('\n', at_), text_.size());
    std::istringstream words{std::string{text_.substr(at_, end - at_)}};
    std::string command;
    std::string argument;
    words >> command;
    std::getline(words, argument);
    argument = trimmed(argument);
    if (command == "\\gset") {
      if (!begun()) throw std::runtime_error("\\gset without a statement before it");
      add({0, {}, false, true, argument});
    } else if (command == "\\sleep") {
      if (begun()) throw std::runtime_error("\\sleep inside a statement: is a semicolon missing before it?");
      if (argument.empty()) throw std::runtime_error("\\sleep needs a time, such as '5 ms'");
      result_.statements.push_back({line_at(at_), argument, true, false, {}});
    } else {
      throw std::runtime_error("unknown " + command + "; there are \\gset and \\sleep");
    }
    at_ = begin_ = end;
  }

  int line_at(std::size_t position) const {
    position = std::min(text_.find_first_not_of(spaces, position), text_.size());
    return 1 + static_cast<int>(std::count(text_.begin(), text_.begin() + static_cast<long>(position), '\n'));
  }

  std::string_view text_;
  script result_;
  std::size_t begin_ = 0;  // of the current statement
  std::size_t at_ = 0;
  int depth_ = 0;  // of brackets; rules have semicolons inside
};

// The length of the name at `at`: :name or :'name', without the colon; 0 if there is none.
std::size_t name_length(std::string_view sql, std::size_t at) {
  auto end = at;
  while (end < sql.size() && is_name_part(sql[end])) ++end;
  return end - at;
}

const std::optional<std::string> &value_of(const std::string &name, const variables &known) {
  const auto found = known.find(name);
  if (found != known.end()) return found->second;
  std::string names;
  for (const auto &[other, value] : known) names += (names.empty() ? "" : ", ") + other;
  throw std::runtime_error(fmt::format("there is no variable '{}', but: {}", name, names));
}

// The text with each variable as `write` writes it.
template <typename Write>
std::string replaced(const std::string &sql, const variables &known, const Write &write) {
  std::string text;
  std::size_t at = 0;
  const auto copy_to = [&](std::size_t end) {
    text.append(sql, at, end - at);
    at = end;
  };
  while (at < sql.size()) {
    if (const auto end = skip_quoted(sql, at); end != at) {
      copy_to(end);
    } else if (sql[at] != ':' || at + 1 >= sql.size()) {
      copy_to(at + 1);
    } else if (is_name_start(sql[at + 1])) {
      const auto length = name_length(sql, at + 1);
      text += write(value_of(sql.substr(at + 1, length), known));
      at += 1 + length;
    } else if (sql[at + 1] == '\'') {
      const auto end = skip_quoted(sql, at + 1);
      text += write(value_of(sql.substr(at + 2, end - at - 3), known));
      at = end;
    } else {
      copy_to(at + 2);  // a cast, or a named argument
    }
  }
  return text;
}

}  // namespace

script parse_script(const std::string &name, const std::string &text) { return splitter{name, text}.split(); }

script read_script(const std::string &path) {
  std::ifstream file{path};
  if (!file) throw std::runtime_error(path + ": cannot be read");
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  auto result = parse_script(path, text);
  if (result.statements.empty()) throw std::runtime_error(path + ": has no statement");
  return result;
}

std::string with_variables(const std::string &sql, const variables &known) { return replaced(sql, known, as_literal); }

std::chrono::microseconds sleep_time(const std::string &argument, const variables &known) {
  std::istringstream words{replaced(argument, known, [](const auto &value) { return value.value_or(""); })};
  static const std::map<std::string, double> units{{"s", 1000000}, {"ms", 1000}, {"us", 1}};
  double number = 0;
  std::string unit = "s";
  std::string more;
  const bool is_number = static_cast<bool>(words >> number);
  words >> unit;
  if (!is_number || number < 0 || units.count(unit) == 0 || words >> more)
    throw std::runtime_error("no time to sleep: " + words.str());
  return std::chrono::microseconds{static_cast<long>(number * units.at(unit))};
}

std::string place_of(const script &of, const script_statement &statement) {
  return fmt::format("{}:{}", of.name, statement.line);
}

}  // namespace ratchet::cli::own
