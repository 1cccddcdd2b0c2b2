// The four views of `pg_ratchet top`.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "top/rates.hpp"
#include "top/sample.hpp"
#include "top/table.hpp"

namespace ratchet::cli::top {

enum class view : std::size_t { contracts, runs, stuck, stale };
constexpr std::size_t view_count = 4;
extern const std::array<const char *, view_count> view_names;

// totals: since the statistics were reset, in place of rates per second.
table table_of(view which, const sample &now, const rates &speed, bool totals);

// The column that a view is sorted by unless somebody says otherwise.
std::size_t first_sorted(view which);

// Of at most six characters or so: 0, 0.25, 12.5, 1204, 98.7k, 4.5M.
std::string short_number(double value);

// Of a duration in milliseconds: 0.31ms, 12ms, 2.5s.
std::string short_duration(double ms);

// As far as a person wants to know: 12s, 3m 20s, 2h 5m, 40d 3h.
std::string short_age(double seconds);

}  // namespace ratchet::cli::top
