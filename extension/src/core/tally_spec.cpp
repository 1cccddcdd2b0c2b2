#include "core/tally_spec.h"

#include <algorithm>
#include <functional>
#include <tuple>

#include "core/arguments.h"
#include "core/error.h"
#include "core/lane.h"

namespace ratchet::core {

namespace {

constexpr const char *declared_with = "ratchet.tally()";

const Completion *find(const std::vector<Completion> &completions, const std::string &done) {
  for (const Completion &completion : completions)
    if (completion.done == done) return &completion;
  return nullptr;
}

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

void append_written(std::vector<std::string> &columns, const Completion &completion) {
  for (const std::string *column : {&completion.done, &completion.done_at})
    if (!column->empty()) columns.push_back(*column);
}

const Limit *find(const std::vector<Limit> &limits, const std::string &counter) {
  for (const Limit &limit : limits)
    if (limit.counter == counter) return &limit;
  return nullptr;
}

bool belongs(const Completion &completion, const TallySpec &tally) {
  return find(tally.counters, completion.total_of) != nullptr;
}

bool belongs(const Limit &limit, const TallySpec &tally) { return find(tally.counters, limit.counter) != nullptr; }

void append(std::vector<std::string> &out, const char *name, const std::string &value) {
  if (!value.empty()) out.push_back(std::string(name) + "=" + value);
}

// The counter that a total is compared with: the only one that counts every row.
std::string only_plain_counter(const TallySpec &tally) {
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

void check_conditions(TallySpec &tally) {
  for (Completion &completion : tally.completions) {
    if (completion.done.empty()) throw error(invalid_argument, "a column name must not be empty");
    completion.total_of = tally.counters.front().column;
    if (!completion.time_zone.empty() && completion.done_at.empty())
      throw error(invalid_argument, "time_zone needs at", {}, "It says what a column of type timestamp holds.");
  }
}

void check_limits(const TallySpec &tally) {
  for (const Limit &limit : tally.limits) {
    if (!belongs(limit, tally))
      throw error(invalid_argument, "limit of " + quoted(limit.counter) + ", which is not one of the counters");
    if (limit.max.empty() && limit.min.empty())
      throw error(invalid_argument, "limit of " + quoted(limit.counter) + " has neither max nor min");
    for (const std::string *column : {&limit.max.column, &limit.min.column})
      if (*column == limit.counter)
        throw error(invalid_argument, "counter " + quoted(limit.counter) + " cannot be limited by itself");
  }
}

void check_total(TallySpec &tally) {
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
                  "Name the parent's boolean column that says whether it is complete.");
}

void check_unique(std::vector<std::string> columns) {
  std::sort(columns.begin(), columns.end());
  const auto twice = std::adjacent_find(columns.begin(), columns.end());
  if (twice != columns.end()) throw error(invalid_argument, "column " + quoted(*twice) + " is named twice");
  if (!columns.empty() && columns.front().empty()) throw error(invalid_argument, "a column name must not be empty");
}

bool is_true(std::string_view name, std::string_view value) {
  if (value != "true") throw error(unenforceable, "contract says " + quoted(value) + " for " + quoted(name));
  return true;
}

bool is_spill(std::string_view name, std::string_view value) {
  if (value != "spill") throw error(unenforceable, "contract says " + quoted(value) + " for " + quoted(name));
  return true;
}

// What is judged under the row's lock cannot be judged by who does not wait for it.
void check_contention(const ParentSpec &kept) {
  if (!kept.spills || kept.limits.empty()) return;
  throw error(invalid_argument, "limit of " + quoted(kept.limits.front().counter) + " needs contention 'wait'",
              "A limit is judged under the lock of the parent's row, and contention 'spill' does not wait for it.",
              "Declare one of the two without the other.");
}

Completion &current(ParentSpec &kept, std::string_view name) {
  if (kept.completions.empty())
    throw error(unenforceable, "contract names " + quoted(name) + " before a total or a condition");
  return kept.completions.back();
}

// Of the limit that was named last.
void set_bound(ParentSpec &kept, std::string_view name, std::string_view value) {
  if (kept.limits.empty()) throw error(unenforceable, "contract names " + quoted(name) + " before a limit");
  Bound &bound = name.substr(0, 3) == "max" ? kept.limits.back().max : kept.limits.back().min;
  if (!bound.empty()) throw error(unenforceable, "contract names " + quoted(name) + " twice");
  (name.size() == 3 ? bound.column : bound.number) = value;
}

}  // namespace

std::vector<std::string> ParentSpec::guarded() const {
  std::vector<std::string> columns = counters;
  for (const Completion &completion : completions) append_written(columns, completion);
  return columns;
}

TallySpec parse_child(const std::vector<std::string_view> &arguments) {
  TallySpec tally;
  bool open = false;  // a counter still lacks its expression
  split_arguments(arguments, declared_with, [&](std::string_view name, std::string_view value) {
    if (value.empty()) throw error(unenforceable, "contract names nothing for " + quoted(name));
    const bool expression = name == "count" || name == "sum";
    if (open != expression) throw error(unenforceable, "contract is not a list of counters and what they count");
    open = false;
    if (name == "via") {
      tally.via.emplace_back(value);
    } else if (name == "counter") {
      tally.counters.push_back({std::string(value), false, {}});
      open = true;
    } else if (expression) {
      tally.counters.back().sum = name == "sum";
      tally.counters.back().expression = value;
    } else {
      throw_unknown(name, value);
    }
  });
  if (open || tally.via.empty() || tally.counters.empty())
    throw error(unenforceable, "contract is not a whole tally", {},
                std::string("Contracts are declared with ") + declared_with + ".");
  return tally;
}

ParentSpec parse_parent(const std::vector<std::string_view> &arguments) {
  ParentSpec kept;
  split_arguments(arguments, declared_with, [&](std::string_view name, std::string_view value) {
    if (value.empty()) throw error(unenforceable, "contract names nothing for " + quoted(name));
    if (name == "key")
      kept.key.emplace_back(value);
    else if (name == "counter")
      kept.counters.emplace_back(value);
    else if (name == "total")
      kept.completions.emplace_back().total = value;
    else if (name == "when")
      kept.completions.emplace_back().when = value;
    else if (name == (kept.completions.empty() || kept.completions.back().when.empty() ? "total_of" : "of"))
      set_once(current(kept, name).total_of, name, value);
    else if (name == "done")
      set_once(current(kept, name).done, name, value);
    else if (name == "done_at")
      set_once(current(kept, name).done_at, name, value);
    else if (name == "time_zone")
      set_once(current(kept, name).time_zone, name, value);
    else if (name == "on_done")
      set_once(current(kept, name).on_done, name, value);
    else if (name == "contention")
      kept.spills = is_spill(name, value);
    else if (name == "limit")
      kept.limits.emplace_back().counter = value;
    else if (name == "max" || name == "max_is" || name == "min" || name == "min_is")
      set_bound(kept, name, value);
    else if (name == "latch")
      current(kept, name).latch = is_true(name, value);
    else if (name == "notify")
      current(kept, name).notify = is_true(name, value);
    else
      throw_unknown(name, value);
  });
  bool whole = !kept.key.empty() && !kept.counters.empty();
  for (const Completion &completion : kept.completions)
    whole = whole && has(kept.counters, completion.total_of) && (completion.when.empty() || !completion.done.empty());
  for (const Limit &limit : kept.limits)
    whole = whole && has(kept.counters, limit.counter) && !(limit.max.empty() && limit.min.empty());
  if (!whole)
    throw error(unenforceable, "contract is not whole", {},
                std::string("Contracts are declared with ") + declared_with + ".");
  return kept;
}

std::vector<std::string> child_arguments(const TallySpec &tally) {
  std::vector<std::string> out;
  for (const std::string &column : tally.via) append(out, "via", column);
  for (const Counter &counter : tally.counters) {
    append(out, "counter", counter.column);
    append(out, counter.sum ? "sum" : "count", counter.expression);
  }
  return out;
}

std::vector<std::string> parent_arguments(const ParentSpec &kept) {
  std::vector<std::string> out;
  for (const std::string &column : kept.key) append(out, "key", column);
  for (const std::string &column : kept.counters) append(out, "counter", column);
  for (const Completion &completion : kept.completions) {
    append(out, "total", completion.total);
    append(out, "when", completion.when);
    append(out, completion.when.empty() ? "total_of" : "of", completion.total_of);
    append(out, "done", completion.done);
    append(out, "done_at", completion.done_at);
    append(out, "time_zone", completion.time_zone);
    append(out, "on_done", completion.on_done);
    append(out, "latch", completion.latch ? "true" : "");
    append(out, "notify", completion.notify ? "true" : "");
  }
  for (const Limit &limit : kept.limits) {
    append(out, "limit", limit.counter);
    append(out, "max", limit.max.column);
    append(out, "max_is", limit.max.number);
    append(out, "min", limit.min.column);
    append(out, "min_is", limit.min.number);
  }
  append(out, "contention", kept.spills ? "spill" : "");
  return out;
}

void check_consistent(TallySpec &tally) {
  if (tally.counters.empty())
    throw error(invalid_argument, "a tally needs at least one counter", {},
                "For example counters => '{\"evaluated_count\": \"true\"}'.");
  check_unique(tally.via);
  check_total(tally);
  check_conditions(tally);
  check_limits(tally);
  std::vector<std::string> columns = columns_of(tally.counters);
  append_written(columns, tally.completion);
  for (const Completion &completion : tally.completions) append_written(columns, completion);
  check_unique(columns);
  // Another counter may be the total: all of my runs, and those of them that are completed.
  for (const std::string *column : {&tally.completion.total_of, &tally.completion.done, &tally.completion.done_at})
    if (!column->empty() && *column == tally.completion.total)
      throw error(invalid_argument, "total " + quoted(tally.completion.total) + " cannot be compared with itself");
}

TallySpec whole(const TallySpec &source, const ParentSpec &kept) {
  TallySpec tally = source;
  for (const Completion &completion : kept.completions)
    if (belongs(completion, source)) {
      if (completion.when.empty())
        tally.completion = completion;
      else
        tally.completions.push_back(completion);
    }
  for (const Limit &limit : kept.limits)
    if (belongs(limit, source)) tally.limits.push_back(limit);
  return tally;
}

ParentSpec with(const ParentSpec &kept, const TallySpec &tally) {
  ParentSpec after = kept;
  for (const Counter &counter : tally.counters)
    if (!has(after.counters, counter.column)) after.counters.push_back(counter.column);
  if (!tally.completion.total.empty()) after.completions.push_back(tally.completion);
  after.limits.insert(after.limits.end(), tally.limits.begin(), tally.limits.end());
  after.completions.insert(after.completions.end(), tally.completions.begin(), tally.completions.end());
  if (tally.contention != Contention::unsaid) after.spills = tally.contention == Contention::spill;
  check_contention(after);
  // In one order, so that the same tallies always make the same contract.
  std::sort(after.counters.begin(), after.counters.end());
  std::sort(after.completions.begin(), after.completions.end(), [](const Completion &a, const Completion &b) {
    return std::tie(a.total_of, a.when.empty() ? a.when : a.done) <
           std::tie(b.total_of, b.when.empty() ? b.when : b.done);
  });
  std::sort(after.limits.begin(), after.limits.end(),
            [](const Limit &a, const Limit &b) { return a.counter < b.counter; });
  return after;
}

ParentSpec without(const ParentSpec &kept, const TallySpec &tally) {
  ParentSpec after{kept.key, {}, {}, {}, kept.spills};
  for (const std::string &column : kept.counters)
    if (find(tally.counters, column) == nullptr) after.counters.push_back(column);
  for (const Completion &completion : kept.completions)
    if (!belongs(completion, tally)) after.completions.push_back(completion);
  for (const Limit &limit : kept.limits)
    if (!belongs(limit, tally)) after.limits.push_back(limit);
  return after;
}

namespace {

void rename(std::string &column, std::string_view from, std::string_view to) {
  if (column == from) column = to;
}

}  // namespace

TallySpec child_renamed(const TallySpec &source, std::string_view from, std::string_view to) {
  TallySpec after = source;
  for (std::string &column : after.via) rename(column, from, to);
  return after;
}

TallySpec parent_renamed(const TallySpec &source, std::string_view from, std::string_view to) {
  TallySpec after = source;
  for (Counter &counter : after.counters) rename(counter.column, from, to);
  return after;
}

ParentSpec parent_renamed(const ParentSpec &kept, std::string_view from, std::string_view to) {
  ParentSpec after = kept;
  for (std::string &column : after.key) rename(column, from, to);
  for (std::string &column : after.counters) rename(column, from, to);
  for (Completion &completion : after.completions)
    for (std::string *column : {&completion.total, &completion.total_of, &completion.done, &completion.done_at})
      rename(*column, from, to);
  for (Limit &limit : after.limits)
    for (std::string *column : {&limit.counter, &limit.max.column, &limit.min.column}) rename(*column, from, to);
  return after;
}

namespace {

std::string text_of(const Bound &bound) { return bound.column.empty() ? bound.number : quoted(bound.column); }

// What a limit loses.
void note_lost(std::vector<std::string> &lost, const Limit &before, const Limit *after) {
  const auto note = [&](const char *name, const Bound &was, const Bound &is) {
    if (was.empty() || (was.column == is.column && was.number == is.number)) return;
    lost.push_back(std::string(name) + " " + text_of(was) + " of " + quoted(before.counter) +
                   (is.empty() ? " is removed" : " becomes " + text_of(is)));
  };
  const Limit none;
  note("max", before.max, (after != nullptr ? *after : none).max);
  note("min", before.min, (after != nullptr ? *after : none).min);
}

// What a completion loses; both are of a total, or both by a condition for the same column.
void note_lost(std::vector<std::string> &lost, const Completion &before, const Completion &after) {
  const bool by_condition = !before.when.empty();
  const std::string of = by_condition ? " of completion " + quoted(before.done) : "";
  const auto note = [&](const char *name, const std::string &was, const std::string &is) {
    if (was.empty() || was == is) return;
    lost.push_back(std::string(name) + " " + quoted(was) + of +
                   (is.empty() ? std::string(" is removed") : " becomes " + quoted(is)));
  };
  note("total", before.total, after.total);
  if (!by_condition) note("total_of", before.total_of, after.total_of);
  note("when", before.when, after.when);
  note("done", before.done, after.done);
  note(by_condition ? "at" : "done_at", before.done_at, after.done_at);
  note("time_zone", before.time_zone, after.time_zone);
  note(by_condition ? "call" : "on_done", before.on_done, after.on_done);
  if (before.latch && !after.latch) lost.push_back("latch" + of + " is removed");
  if (before.notify && !after.notify) lost.push_back("notify" + of + " is removed");
}

}  // namespace

std::vector<std::string> weakened(const TallySpec &before, const TallySpec &after) {
  std::vector<std::string> lost;
  for (const Counter &counter : before.counters) {
    const Counter *now = find(after.counters, counter.column);
    if (now == nullptr)
      lost.push_back("counter " + quoted(counter.column) + " is removed");
    else if (now->sum != counter.sum || now->expression != counter.expression)
      lost.push_back("counter " + quoted(counter.column) + " counts something else");
  }
  note_lost(lost, before.completion, after.completion);
  for (const Completion &completion : before.completions) {
    const Completion *now = find(after.completions, completion.done);
    if (now != nullptr)
      note_lost(lost, completion, *now);
    else
      lost.push_back("completion " + quoted(completion.done) + " is removed");
  }
  for (const Limit &limit : before.limits) note_lost(lost, limit, find(after.limits, limit.counter));
  return lost;
}

}  // namespace ratchet::core
