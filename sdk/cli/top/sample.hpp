// What `pg_ratchet top` knows of a database at one moment.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ratchet::cli::top {

// What ratchet.stat counts of a contract, by the names of its columns.
enum class figure : std::size_t {
  submitted,
  replayed,
  already_submitted,
  conflict,
  stale,
  limited,
  kept,
  rejected,
  observed,
  advanced,
  refused,
  amended,
  suspended,
  swept,
  completions,
  flushes,
  counted,
  spilled,
  folded,
  waits,
  rolled_back,
  key_reused,
  full,
  not_found,
  already_there,
  updated,
  unchanged,
  alive,
  finished
};
constexpr std::size_t figure_count = 29;
extern const std::array<const char *, figure_count> figure_names;

// Since the statistics were reset.
struct figures {
  std::array<std::int64_t, figure_count> counts{};
  double wait_ms = 0;                 // in all
  double wait_max_ms = 0;             // the longest one
  std::vector<std::int64_t> submits;  // by duration, a number for each of sample::bounds_ms

  std::int64_t operator[](figure which) const { return counts[static_cast<std::size_t>(which)]; }
  std::int64_t &operator[](figure which) { return counts[static_cast<std::size_t>(which)]; }
};

struct contract {
  std::string id;      // the same in every sample
  std::string kind;    // guard, tally, or parent: the counters of a table, whichever tallies write them
  std::string table;   // of a tally the child
  std::string parent;  // of a tally
  std::string mode;    // as it was declared; empty: enforced
  bool enabled = true;
  std::optional<figures> seen;  // none without statistics, or where nothing was counted yet
};

// A parent row that is not complete.
struct run {
  std::string table;
  std::string key;
  double counted = 0;
  double total = 0;
  std::optional<double> per_s;  // counted, since it was read the last time; below zero where children went away
};

struct stuck_row {
  std::string table;
  std::string key;
  std::string state;
  std::optional<double> age_s;  // none: it has never shown a sign of life
};

// What was kept, rejected or observed of a column since the statistics were reset.
struct stale_column {
  std::string id;
  std::string table;
  std::string column;
  std::int64_t kept = 0;
  std::int64_t rejected = 0;
  std::int64_t observed = 0;
  std::optional<std::string> application;  // the last one; none: you have no right to know
  std::string last_at;                     // as PostgreSQL writes it
  double age_s = 0;                        // how long ago that was
};

struct sample {
  std::string database;
  std::string server;  // version and address
  std::string time;    // of day, at the server
  double at_s = 0;     // the server's time in seconds
  bool statistics = false;
  std::string reset_at;           // since when they count; empty where nothing was counted yet
  std::vector<double> bounds_ms;  // the last is infinite
  std::vector<contract> contracts;
  std::vector<run> runs;
  std::vector<stuck_row> stuck;
  std::vector<stale_column> columns;
  std::int64_t errors = 0;  // findings of ratchet.health()
  std::int64_t warnings = 0;
  std::vector<std::string> notes;  // what could not be read, and why
};

}  // namespace ratchet::cli::top
