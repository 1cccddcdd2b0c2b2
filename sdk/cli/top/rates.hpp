// What happened between two samples.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "top/sample.hpp"

namespace ratchet::cli::top {

// Figures of contracts as they are shown: since the statistics were reset, or per second between two samples.
struct flow {
  std::array<double, figure_count> counts{};
  double wait_ms = 0;      // in all; per second: how many were waiting on average, times a thousand
  double wait_max_ms = 0;  // since the reset in either case
  std::vector<double> submits;

  double operator[](figure which) const { return counts[static_cast<std::size_t>(which)]; }

  // Rows that a call has changed, and rows that were counted. Plain writes that no contract has anything against are
  // not among the statistics.
  double writes() const;
  // Attempts that were answered with something else than a success.
  double denied() const;
  // Of one wait; none where nobody waited.
  std::optional<double> wait_each_ms() const;
};

flow total_of(const figures &seen);
flow sum_of(const flow &a, const flow &b);

// The duration in milliseconds that this part of the submits did not exceed, at the precision of the buckets; none
// where there was none, infinite above the last bound.
std::optional<double> quantile(const std::vector<double> &submits, const std::vector<double> &bounds_ms, double part);

// Compares a sample with the one before. Figures that went down were reset meanwhile, and count from zero. All are none
// where there is no sample before, or where no time has passed.
class rates {
 public:
  rates(const std::optional<sample> &before, const sample &now);

  // Per second.
  std::optional<flow> of(const contract &now) const;
  std::optional<double> of(const stale_column &now) const;  // kept, rejected and observed together

 private:
  double passed_s_ = 0;
  std::map<std::string, figures> contracts_;
  std::map<std::string, std::int64_t> columns_;
};

}  // namespace ratchet::cli::top
