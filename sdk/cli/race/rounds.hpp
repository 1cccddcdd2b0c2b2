// What every race does with its variants: one after the other, each of them so many rounds.
#pragma once

#include <atomic>
#include <random>
#include <vector>

#include "race/scratch_schema.hpp"
#include "race/settings.hpp"

namespace ratchet::cli {

// A think time of one writer.
inline std::chrono::microseconds think_time(const race_settings &settings, std::mt19937_64 &random) {
  return std::chrono::microseconds{std::uniform_int_distribution<long>{0, settings.think.count()}(random)};
}

// `Contest` is constructed for a variant, has round(number), and report(). `progress` is called after each round with
// the variant and the number of rounds done. Throws `interrupted` between two rounds once `stop` is set.
template <typename Contest, typename Options, typename Progress>
auto run_rounds(const Options &options, const Progress &progress, const std::atomic<bool> &stop) {
  if (uses_ratchet(options.variants)) require_extension(options.dsn);

  std::mt19937_64 random{options.seed};
  std::vector<std::decay_t<decltype(std::declval<Contest>().report())>> reports;
  for (const auto kind : options.variants) {
    Contest current{options, kind, random};
    for (int number = 1; number <= options.rounds; ++number) {
      if (stop) throw interrupted{};
      current.round(number);
      progress(kind, number);
    }
    reports.push_back(current.report());
  }
  return reports;
}

}  // namespace ratchet::cli
