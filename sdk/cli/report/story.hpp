// What a race tells people. Every kind of race fills it in; it is then written as text or as a page.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "race/settings.hpp"
#include "race/shown_round.hpp"

namespace ratchet::cli {

struct story_column {
  std::string name;
  std::string meaning;  // empty: the name says it
};

// One way to write that was raced.
struct story_variant {
  std::string name;
  std::string meaning;
  std::vector<std::string> cells;  // one for each column
  shown_round shown;
};

struct story {
  std::string title;
  std::string headline;
  std::vector<story_column> columns;
  std::vector<story_variant> variants;
  std::vector<std::string> notes;
  std::string verdict;  // in one sentence what was lost without ratchet, and what with it
};

// "think time up to 20 ms, seed 7".
std::string describe_times(const race_settings &settings);

template <typename... Values>
std::vector<std::string> as_cells(const Values &...values) {
  return {fmt::format("{}", values)...};
}

// Two sentences, of which either may be empty.
std::string joined(const std::string &first, const std::string &second);

// Which schemas are kept.
template <typename Reports>
std::vector<std::string> kept_schemas(const race_settings &settings, const Reports &reports) {
  std::vector<std::string> notes;
  if (!settings.keep) return notes;
  for (const auto &report : reports) notes.push_back("kept: schema " + report.schema);
  return notes;
}

// A table of the variants, what its columns mean, and the end of the first round that each variant lost.
std::string as_text(const story &told);

}  // namespace ratchet::cli
