#include "race/own/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace ratchet::cli::own {

namespace {

bool is_true(const std::optional<std::string> &value) { return value == "t" || value == "true"; }

// "lost, submitted_at NULL": the values of a row from that column on.
std::string describe(const answered_rows &table, std::size_t row, std::size_t first) {
  std::string text;
  for (std::size_t i = first; i < table.columns.size(); ++i) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} = {}", table.columns[i], table.rows[row][i].value_or("NULL"));
  }
  return text;
}

}  // namespace

std::string refusal(const step_answer &answer) {
  if (!answer.failure.empty()) return answer.failure;
  const auto &table = answer.answered;
  if (table.columns.empty()) return {};
  if (table.rows.empty()) return "no row";
  if (table.verdict && !is_true(table.rows.back()[0])) return describe(table, table.rows.size() - 1, 0);
  return {};
}

std::string complaint(const step_answer &answer, bool command) {
  if (!answer.failure.empty()) return answer.failure;
  if (command) return {};
  const auto &table = answer.answered;
  if (table.columns.empty()) throw std::runtime_error("--check answers nothing: it must end with a query");
  if (table.verdict && table.rows.empty()) return "the check found no row";
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    if (!table.verdict || !is_true(table.rows[i][0])) {
      const bool alone = table.columns.size() == 1 || !table.verdict;
      return describe(table, i, alone ? 0 : 1);
    }
  }
  return {};
}

variables created(const step_answer &answer) {
  const auto &table = answer.answered;
  if (table.rows.empty())
    throw std::runtime_error("--create answered no row: it must end with the key of what it created");
  variables result;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto &name = table.columns[i];
    for (const char *taken : {"round", "writer", "think_ms", "submitted", "refused", "updated"}) {
      if (name == taken)
        throw std::runtime_error(fmt::format("--create answers a column '{}', which is a variable of the race", name));
    }
    result[name] = table.rows.back()[i];
  }
  result["key"] = table.rows.back()[0];
  return result;
}

}  // namespace ratchet::cli::own
