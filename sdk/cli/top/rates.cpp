#include "top/rates.hpp"

#include <algorithm>

namespace ratchet::cli::top {

namespace {

std::int64_t all_of(const stale_column &column) { return column.kept + column.rejected + column.observed; }

template <typename Number>
double since(Number now, Number before) {
  return static_cast<double>(now < before ? now : now - before);
}

}  // namespace

double flow::writes() const {
  const auto &me = *this;
  return me[figure::submitted] + me[figure::advanced] + me[figure::updated] + me[figure::amended] + me[figure::swept] +
         me[figure::alive] + me[figure::counted];
}

double flow::denied() const {
  const auto &me = *this;
  return me[figure::already_submitted] + me[figure::conflict] + me[figure::key_reused] + me[figure::stale] +
         me[figure::limited] + me[figure::full] + me[figure::not_found] + me[figure::already_there] +
         me[figure::refused] + me[figure::finished];
}

std::optional<double> flow::wait_each_ms() const {
  const double waits = (*this)[figure::waits];
  if (waits <= 0) return std::nullopt;
  return wait_ms / waits;
}

flow total_of(const figures &seen) {
  flow result;
  for (std::size_t i = 0; i < figure_count; ++i) result.counts[i] = static_cast<double>(seen.counts[i]);
  result.wait_ms = seen.wait_ms;
  result.wait_max_ms = seen.wait_max_ms;
  result.submits.assign(seen.submits.begin(), seen.submits.end());
  return result;
}

flow sum_of(const flow &a, const flow &b) {
  flow result = a;
  for (std::size_t i = 0; i < figure_count; ++i) result.counts[i] += b.counts[i];
  result.wait_ms += b.wait_ms;
  result.wait_max_ms = std::max(a.wait_max_ms, b.wait_max_ms);
  result.submits.resize(std::max(a.submits.size(), b.submits.size()));
  for (std::size_t i = 0; i < b.submits.size(); ++i) result.submits[i] += b.submits[i];
  return result;
}

std::optional<double> quantile(const std::vector<double> &submits, const std::vector<double> &bounds_ms, double part) {
  double all = 0;
  for (const double n : submits) all += n;
  if (all <= 0) return std::nullopt;
  double below = 0;
  for (std::size_t i = 0; i < submits.size(); ++i) {
    below += submits[i];
    if (below >= all * part && i < bounds_ms.size()) return bounds_ms[i];
  }
  return std::nullopt;
}

rates::rates(const std::optional<sample> &before, const sample &now) {
  if (!before || now.at_s <= before->at_s) return;
  passed_s_ = now.at_s - before->at_s;
  // What is not there yet has counted nothing.
  if (before->statistics) {
    for (const auto &one : before->contracts) contracts_[one.id] = one.seen.value_or(figures{});
    for (const auto &one : now.columns) columns_[one.id] = 0;
    for (const auto &one : before->columns) columns_[one.id] = all_of(one);
  }
}

std::optional<flow> rates::of(const contract &now) const {
  const auto before = contracts_.find(now.id);
  if (!now.seen || before == contracts_.end()) return std::nullopt;
  flow result;
  for (std::size_t i = 0; i < figure_count; ++i) {
    result.counts[i] = since(now.seen->counts[i], before->second.counts[i]) / passed_s_;
  }
  result.wait_ms = since(now.seen->wait_ms, before->second.wait_ms) / passed_s_;
  result.wait_max_ms = now.seen->wait_max_ms;
  result.submits.resize(now.seen->submits.size());
  for (std::size_t i = 0; i < result.submits.size(); ++i) {
    const auto was = i < before->second.submits.size() ? before->second.submits[i] : 0;
    result.submits[i] = since(now.seen->submits[i], was) / passed_s_;
  }
  return result;
}

std::optional<double> rates::of(const stale_column &now) const {
  const auto before = columns_.find(now.id);
  if (before == columns_.end()) return std::nullopt;
  return since(all_of(now), before->second) / passed_s_;
}

}  // namespace ratchet::cli::top
