// The tables of the documentation, which the SDK and the extension are held to.
#pragma once

#include <fstream>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace ratchet::test {

using cells = std::vector<std::string>;

// The rows of the first table after the line `heading` of a Markdown file, without the two lines of its head. Throws if
// there is none.
inline std::vector<cells> documented(const std::string &file, const std::string &heading) {
  std::ifstream in{std::string{SOURCES} + "/" + file};
  std::vector<cells> table;
  std::string line;
  while (std::getline(in, line) && line != heading) continue;
  while (std::getline(in, line) && (table.empty() || !line.empty())) {
    if (line.empty() || line[0] != '|') continue;
    auto &row = table.emplace_back();
    for (std::size_t from = 2, to; (to = line.find(" |", from)) != std::string::npos; from = to + 3) {
      row.push_back(line.substr(from, to - from));
    }
  }
  if (table.size() < 3) throw std::runtime_error("no table after '" + heading + "' in " + file);
  table.erase(table.begin(), table.begin() + 2);
  return table;
}

// What a cell has in backquotes, in its order, without what is in brackets.
inline cells words_in(const std::string &cell) {
  static const std::regex remark{" \\([^()]*\\)"};
  static const std::regex word{"`([^`]+)`"};
  const auto text = std::regex_replace(cell, remark, "");
  cells found;
  for (std::sregex_iterator i{text.begin(), text.end(), word}, end; i != end; ++i) found.push_back((*i)[1]);
  return found;
}

// An outcome, as docs/reference/outcomes.md has it.
struct documented_outcome {
  std::string text;
  std::set<std::string> calls;  // "submit()"
  int status = 0;
  bool success = false;
  bool reserved = false;  // no version of the server says it yet
};

inline std::vector<documented_outcome> documented_outcomes() {
  std::vector<documented_outcome> all;
  for (const auto &row : documented("docs/reference/outcomes.md", "# Outcomes")) {
    const auto calls = words_in(row.at(1));
    all.push_back({words_in(row.at(0)).at(0),
                   {calls.begin(), calls.end()},
                   std::stoi(row.at(2)),
                   row.at(3) == "true",
                   row.at(4).rfind("reserved", 0) == 0});
  }
  return all;
}

}  // namespace ratchet::test
