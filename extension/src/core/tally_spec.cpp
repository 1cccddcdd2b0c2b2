#include "core/tally_spec.h"

#include <algorithm>
#include <functional>

#include "core/arguments.h"
#include "core/error.h"
#include "core/lane.h"

namespace ratchet::core {

namespace {

constexpr const char *declared_with = "ratchet.tally()";

bool has(const std::vector<std::string> &columns, const std::string &column) {
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

std::vector<std::string> columns_of(const std::vector<Counter> &counters) {
  std::vector<std::string> columns;
  for (const Counter &counter : counters) columns.push_back(counter.column);
  return columns;
}

const Counter *find(const std::vector<Counter> &counters, const std::string &column) {
  for (const Counter &counter : counters)
    if (counter.column == column) return &counter;
  return nullptr;
}

bool belongs(const Completion &completion, const Tally &tally) {
  return find(tally.counters, completion.total_of) != nullptr;
}

void append(std::vector<std::string> &out, const char *role, const std::string &value) {
  if (!value.empty()) out.push_back(std::string(role) + "=" + value);
}

// The counter that a total is compared with: the only one that counts every row.
std::string only_plain_counter(const Tally &tally) {
  std::string only;
  for (const Counter &counter : tally.counters) {
    if (counter.sum || counter.expression != "true") continue;
    if (!only.empty())
      throw error(invalid_argument, "total_of is needed: several counters count every row", {},
                  "Name the counter that the total is compared with.");
    only = counter.column;
  }
  if (only.empty())
    throw error(invalid_argument, "total_of is needed: no counter counts every row", {},
                "Name the counter that the total is compared with.");
  return only;
}

void check_completion(Tally &tally) {
  Completion &completion = tally.completion;
  if (completion.total.empty()) {
    if (!completion.total_of.empty() || !completion.done.empty())
      throw error(invalid_argument, "done and total_of need total", {},
                  "Name the parent's column with the expected number of rows.");
  } else if (completion.total_of.empty()) {
    completion.total_of = only_plain_counter(tally);
  } else if (!belongs(completion, tally)) {
    throw error(invalid_argument, "total_of " + quoted(completion.total_of) + " is not one of the counters");
  }
  if (!completion.time_zone.empty() && completion.done_at.empty())
    throw error(invalid_argument, "time_zone needs done_at", {},
                "It says what a done_at column of type timestamp holds.");
  if (!completion.done.empty()) return;
  for (const auto &[given, name] :
       {std::pair{!completion.done_at.empty(), "done_at"}, std::pair{!completion.on_done.empty(), "on_done"},
        std::pair{completion.latch, "latch"}, std::pair{completion.notify, "notify"}})
    if (given)
      throw error(invalid_argument, std::string(name) + " needs done", {},
                  "Name the parent's boolean column that tells whether it is complete.");
}

void check_unique(std::vector<std::string> columns) {
  std::sort(columns.begin(), columns.end());
  const auto twice = std::adjacent_find(columns.begin(), columns.end());
  if (twice != columns.end()) throw error(invalid_argument, "column " + quoted(*twice) + " is named twice");
  if (!columns.empty() && columns.front().empty()) throw error(invalid_argument, "a column name must not be empty");
}

bool is_true(std::string_view role, std::string_view value) {
  if (value != "true") throw error(unenforceable, "contract says " + quoted(value) + " for " + quoted(role));
  return true;
}

Completion &current(Kept &kept, std::string_view role) {
  if (kept.completions.empty()) throw error(unenforceable, "contract names " + quoted(role) + " before a total");
  return kept.completions.back();
}

}  // namespace

std::vector<std::string> Kept::guarded() const {
  std::vector<std::string> columns = counters;
  for (const Completion &completion : completions)
    for (const std::string *column : {&completion.done, &completion.done_at})
      if (!column->empty()) columns.push_back(*column);
  return columns;
}

Tally parse_source(const std::vector<std::string_view> &arguments) {
  Tally tally;
  bool open = false;  // a counter still lacks its expression
  split_arguments(arguments, declared_with, [&](std::string_view role, std::string_view value) {
    if (value.empty()) throw error(unenforceable, "contract names nothing for " + quoted(role));
    const bool expression = role == "count" || role == "sum";
    if (open != expression) throw error(unenforceable, "contract is not a list of counters and what they count");
    open = false;
    if (role == "via") {
      tally.via.emplace_back(value);
    } else if (role == "counter") {
      tally.counters.push_back({std::string(value), false, {}});
      open = true;
    } else if (expression) {
      tally.counters.back().sum = role == "sum";
      tally.counters.back().expression = value;
    } else {
      throw_unknown(role, value);
    }
  });
  if (open || tally.via.empty() || tally.counters.empty())
    throw error(unenforceable, "contract is not a whole tally", {},
                std::string("Contracts are declared with ") + declared_with + ".");
  return tally;
}

Kept parse_kept(const std::vector<std::string_view> &arguments) {
  Kept kept;
  split_arguments(arguments, declared_with, [&](std::string_view role, std::string_view value) {
    if (value.empty()) throw error(unenforceable, "contract names nothing for " + quoted(role));
    if (role == "key")
      kept.key.emplace_back(value);
    else if (role == "counter")
      kept.counters.emplace_back(value);
    else if (role == "total")
      kept.completions.emplace_back().total = value;
    else if (role == "total_of")
      set_once(current(kept, role).total_of, role, value);
    else if (role == "done")
      set_once(current(kept, role).done, role, value);
    else if (role == "done_at")
      set_once(current(kept, role).done_at, role, value);
    else if (role == "time_zone")
      set_once(current(kept, role).time_zone, role, value);
    else if (role == "on_done")
      set_once(current(kept, role).on_done, role, value);
    else if (role == "latch")
      current(kept, role).latch = is_true(role, value);
    else if (role == "notify")
      current(kept, role).notify = is_true(role, value);
    else
      throw_unknown(role, value);
  });
  bool whole = !kept.key.empty() && !kept.counters.empty();
  for (const Completion &completion : kept.completions) whole = whole && has(kept.counters, completion.total_of);
  if (!whole)
    throw error(unenforceable, "contract is not whole", {},
                std::string("Contracts are declared with ") + declared_with + ".");
  return kept;
}

std::vector<std::string> source_arguments(const Tally &tally) {
  std::vector<std::string> out;
  for (const std::string &column : tally.via) append(out, "via", column);
  for (const Counter &counter : tally.counters) {
    append(out, "counter", counter.column);
    append(out, counter.sum ? "sum" : "count", counter.expression);
  }
  return out;
}

std::vector<std::string> kept_arguments(const Kept &kept) {
  std::vector<std::string> out;
  for (const std::string &column : kept.key) append(out, "key", column);
  for (const std::string &column : kept.counters) append(out, "counter", column);
  for (const Completion &completion : kept.completions) {
    append(out, "total", completion.total);
    append(out, "total_of", completion.total_of);
    append(out, "done", completion.done);
    append(out, "done_at", completion.done_at);
    append(out, "time_zone", completion.time_zone);
    append(out, "on_done", completion.on_done);
    append(out, "latch", completion.latch ? "true" : "");
    append(out, "notify", completion.notify ? "true" : "");
  }
  return out;
}

void check_consistent(Tally &tally) {
  if (tally.counters.empty())
    throw error(invalid_argument, "a tally needs at least one counter", {},
                "For example counters => '{\"evaluated_count\": \"true\"}'.");
  check_unique(tally.via);
  check_completion(tally);
  std::vector<std::string> columns = columns_of(tally.counters);
  for (const std::string *column : {&tally.completion.done, &tally.completion.done_at})
    if (!column->empty()) columns.push_back(*column);
  check_unique(columns);
  // Another counter may be the total: all of my runs, and those of them that are completed.
  for (const std::string *column : {&tally.completion.total_of, &tally.completion.done, &tally.completion.done_at})
    if (!column->empty() && *column == tally.completion.total)
      throw error(invalid_argument, "total " + quoted(tally.completion.total) + " cannot be compared with itself");
}

Tally whole(const Tally &source, const Kept &kept) {
  Tally tally = source;
  for (const Completion &completion : kept.completions)
    if (belongs(completion, source)) tally.completion = completion;
  return tally;
}

Kept with(const Kept &kept, const Tally &tally) {
  Kept after = kept;
  for (const Counter &counter : tally.counters)
    if (!has(after.counters, counter.column)) after.counters.push_back(counter.column);
  if (!tally.completion.total.empty()) after.completions.push_back(tally.completion);
  // In one order, so that the same tallies always make the same contract.
  std::sort(after.counters.begin(), after.counters.end());
  std::sort(after.completions.begin(), after.completions.end(),
            [](const Completion &a, const Completion &b) { return a.total_of < b.total_of; });
  return after;
}

Kept without(const Kept &kept, const Tally &tally) {
  Kept after{kept.key, {}, {}};
  for (const std::string &column : kept.counters)
    if (find(tally.counters, column) == nullptr) after.counters.push_back(column);
  for (const Completion &completion : kept.completions)
    if (!belongs(completion, tally)) after.completions.push_back(completion);
  return after;
}

namespace {

void rename(std::string &column, std::string_view from, std::string_view to) {
  if (column == from) column = to;
}

}  // namespace

Tally child_renamed(const Tally &source, std::string_view from, std::string_view to) {
  Tally after = source;
  for (std::string &column : after.via) rename(column, from, to);
  return after;
}

Tally parent_renamed(const Tally &source, std::string_view from, std::string_view to) {
  Tally after = source;
  for (Counter &counter : after.counters) rename(counter.column, from, to);
  return after;
}

Kept parent_renamed(const Kept &kept, std::string_view from, std::string_view to) {
  Kept after = kept;
  for (std::string &column : after.key) rename(column, from, to);
  for (std::string &column : after.counters) rename(column, from, to);
  for (Completion &completion : after.completions)
    for (std::string *column : {&completion.total, &completion.total_of, &completion.done, &completion.done_at})
      rename(*column, from, to);
  return after;
}

std::vector<std::string> weakened(const Tally &before, const Tally &after) {
  std::vector<std::string> lost;
  for (const Counter &counter : before.counters) {
    const Counter *now = find(after.counters, counter.column);
    if (now == nullptr)
      lost.push_back("counter " + quoted(counter.column) + " is removed");
    else if (now->sum != counter.sum || now->expression != counter.expression)
      lost.push_back("counter " + quoted(counter.column) + " counts something else");
  }
  const auto note = [&](const char *role, const std::string &was, const std::string &is) {
    if (was.empty() || was == is) return;
    lost.push_back(is.empty() ? std::string(role) + " " + quoted(was) + " is removed"
                              : std::string(role) + " " + quoted(was) + " becomes " + quoted(is));
  };
  note("total", before.completion.total, after.completion.total);
  note("total_of", before.completion.total_of, after.completion.total_of);
  note("done", before.completion.done, after.completion.done);
  note("done_at", before.completion.done_at, after.completion.done_at);
  note("time_zone", before.completion.time_zone, after.completion.time_zone);
  note("on_done", before.completion.on_done, after.completion.on_done);
  if (before.completion.latch && !after.completion.latch) lost.emplace_back("latch is removed");
  if (before.completion.notify && !after.completion.notify) lost.emplace_back("notify is removed");
  return lost;
}

}  // namespace ratchet::core
