#include "report/story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "race/timeline.hpp"

namespace ratchet::cli {

namespace {

std::vector<std::size_t> widths_of(const story &told) {
  std::vector<std::size_t> widths;
  for (const auto &column : told.columns) widths.push_back(column.name.size());
  for (const auto &variant : told.variants) {
    for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], variant.cells[i].size());
  }
  return widths;
}

void append_table(std::string &text, const story &told) {
  std::size_t name_width = 0;
  std::size_t meaning_width = 0;
  for (const auto &variant : told.variants) {
    name_width = std::max(name_width, variant.name.size());
    meaning_width = std::max(meaning_width, variant.meaning.size());
  }
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{:<{}}", "variant", name_width + 2 + meaning_width);
  const auto widths = widths_of(told);
  for (std::size_t i = 0; i < widths.size(); ++i) fmt::format_to(out, "  {:>{}}", told.columns[i].name, widths[i]);
  text += '\n';
  for (const auto &variant : told.variants) {
    fmt::format_to(out, "{:<{}}  {:<{}}", variant.name, name_width, variant.meaning, meaning_width);
    for (std::size_t i = 0; i < widths.size(); ++i) fmt::format_to(out, "  {:>{}}", variant.cells[i], widths[i]);
    text += '\n';
  }
}

void append_meanings(std::string &text, const story &told) {
  std::size_t width = 0;
  for (const auto &column : told.columns) {
    if (!column.meaning.empty()) width = std::max(width, column.name.size());
  }
  text += '\n';
  for (const auto &column : told.columns) {
    if (column.meaning.empty()) continue;
    fmt::format_to(std::back_inserter(text), "{:<{}}  {}\n", column.name, width, column.meaning);
  }
}

}  // namespace

std::string describe_times(const race_settings &settings) {
  const auto delay = settings.delay.count() == 0
                         ? std::string{}
                         : fmt::format("round trips of {:g} ms, ", settings.delay.count() / 1000.0);
  return fmt::format("think time up to {:g} ms, {}seed {}", settings.think.count() / 1000.0, delay, settings.seed);
}

std::string joined(const std::string &first, const std::string &second) {
  return first + (first.empty() || second.empty() ? "" : " ") + second;
}

std::string as_text(const story &told) {
  std::string text = told.headline + "\n\n";
  append_table(text, told);
  append_meanings(text, told);
  for (const auto &variant : told.variants) {
    if (variant.shown.failed_round == 0) continue;
    fmt::format_to(std::back_inserter(text), "\nfirst round that went wrong with '{}': round {}", variant.name,
                   variant.shown.failed_round);
    append_excerpt(text, variant.shown.timeline);
    if (!variant.shown.loss.empty()) text += variant.shown.loss + '\n';
  }
  if (!told.notes.empty()) text += '\n';
  for (const auto &note : told.notes) text += note + '\n';
  if (!told.verdict.empty()) text += '\n' + told.verdict + '\n';
  return text;
}

}  // namespace ratchet::cli
