#include "command/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace ratchet::cli {

namespace {

using names = std::vector<std::string>;

template <std::size_t Size>
bool is_one_of(std::string_view word, const std::array<std::string_view, Size> &words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A time that is set once, when somebody has committed to what the row says. Not those that come and go, such as
// published_at or deleted_at.
constexpr std::array<std::string_view, 8> gates{"submitted_at", "evaluated_at", "sealed_at", "signed_at",
                                                "confirmed_at", "approved_at",  "paid_at",   "closed_at"};
// The same, unless a tally finds out when it is so.
constexpr std::array<std::string_view, 2> completions{"finished_at", "completed_at"};
constexpr std::array<std::string_view, 3> boolean_gates{"is_submitted", "submitted", "is_sealed"};
constexpr std::array<std::string_view, 3> keys{"idempotency_key", "request_id", "request_key"};
constexpr std::array<std::string_view, 5> heartbeats{"heartbeat_at", "last_heartbeat", "last_heartbeat_at", "alive_at",
                                                     "heartbeat"};
constexpr std::array<std::string_view, 3> forwards{"progress", "progress_percent", "percent_done"};
constexpr std::array<std::string_view, 6> begun{"queued", "pending", "draft", "new", "created", "waiting"};
constexpr std::array<std::string_view, 6> working{"running", "processing", "in_progress",
                                                  "started", "enhancing",  "claimed"};
constexpr std::array<std::string_view, 12> ended{"done",     "completed", "failed",    "cancelled",
                                                 "canceled", "finished",  "succeeded", "error",
                                                 "rejected", "expired",   "enhanced",  "aborted"};
constexpr std::array<std::string_view, 5> totals{"total", "total_count", "expected_count", "expected", "total_results"};
constexpr std::array<std::string_view, 4> dones{"is_completed", "completed", "is_done", "done"};

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

bool is_time(const seen_column &column) { return column.type.rfind("timestamp", 0) == 0; }
// One with a default is set from the beginning.
bool is_gate_time(const seen_column &column) { return is_time(column) && !column.not_null && !column.has_default; }
bool is_integer(const seen_column &column) {
  return column.type == "integer" || column.type == "bigint" || column.type == "smallint";
}

std::string literal(const std::string &text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string{"''"} : std::string{c};
  return quoted + "'";
}

std::string json_string(const std::string &text) { return nlohmann::json(text).dump(); }

// As comments of SQL, whatever is in a name: each line, and what stands behind a carriage return, which ends a comment,
// too.
std::string commented(std::string_view text) {
  std::string lines = "-- ";
  for (std::size_t i = 0; i < text.size(); ++i) {
    lines += text[i];
    if ((text[i] == '\n' || text[i] == '\r') && i + 1 < text.size()) lines += "-- ";
  }
  return lines;
}

// "comments" of "comment_count", "comments_count".
bool is_number_of(std::string_view counter, std::string_view child) {
  if (!ends_with(counter, "_count")) return false;
  const auto stem = counter.substr(0, counter.size() - 6);
  return stem == child || (ends_with(child, "s") && stem == child.substr(0, child.size() - 1)) ||
         (ends_with(stem, "s") && stem.substr(0, stem.size() - 1) == child);
}

class suggesting {
 public:
  explicit suggesting(const seen_table &table) : table_(table) {}

  std::string text() {
    const auto tallies = tallies_of();
    const auto guard = table_.guarded ? std::string{} : guard_of();
    if (guard.empty() && tallies.empty()) return {};
    const auto head =
        fmt::format("{} {}", table_.name, std::string(76 - std::min<std::size_t>(73, table_.name.size()), '-'));
    return fmt::format("{}\n\n{}{}", commented(head), guard, tallies);
  }

 private:
  template <std::size_t Size, typename Test>
  const seen_column *find(const std::array<std::string_view, Size> &words, Test &&fits) const {
    for (const auto word : words)
      for (const auto &column : table_.columns)
        if (column.name == word && column.writable && !is_counted(column.name) && fits(column)) return &column;
    return nullptr;
  }

  bool is_counted(const std::string &name) const {
    return std::find(counted_.begin(), counted_.end(), name) != counted_.end();
  }

  const seen_column *named(const std::string &name) const {
    for (const auto &column : table_.columns)
      if (column.name == name && column.writable && !is_counted(name)) return &column;
    return nullptr;
  }

  std::string guard_of() {
    std::string comments;
    std::string arguments;
    const auto *gate = find(gates, is_gate_time);
    if (gate == nullptr && counted_.empty()) gate = find(completions, is_gate_time);
    if (gate != nullptr) gate = flag_beside(*gate);
    if (gate == nullptr) gate = find(boolean_gates, [](const seen_column &c) { return c.type == "boolean"; });
    const auto *graph = states();
    const auto *beat = find(heartbeats, [](const seen_column &c) { return c.type == "timestamp with time zone"; });
    const auto *forward = find(forwards, [](const seen_column &c) { return is_integer(c) || c.type == "numeric"; });
    if (gate == nullptr && graph == nullptr && beat == nullptr) return {};
    if (graph != nullptr && is_job(*graph)) gate = nullptr;  // the state says that it has ended
    if (gate != nullptr) add_gate(*gate, arguments, comments);
    if (graph != nullptr) add_states(*graph, arguments, comments);
    if (beat != nullptr) {
      arguments += fmt::format(",\n    heartbeat => {}", literal(beat->name));
      comments +=
          fmt::format("-- {}: ratchet.beat() sets it, and stuck() and sweep() find rows that stopped.\n", beat->name);
    }
    if (forward != nullptr && (graph != nullptr || beat != nullptr)) {
      arguments += fmt::format(",\n    forward => ARRAY[{}]", literal(forward->name));
      comments += fmt::format("-- {} never goes down. Leave it out if a retry begins at 0 again.\n", forward->name);
    }
    if (arguments.empty()) return comments.empty() ? "" : comments + '\n';
    if (const auto *version = named("lock_version"))
      comments += fmt::format(
          "-- {0}: if the application only reads it, add version => '{0}', and stale forms are told.\n", version->name);
    return comments + fmt::format("SELECT ratchet.guard(\n    {}{},\n    mode => 'observe');\n\n", literal(table_.name),
                                  arguments);
  }

  // A flag that says the same as the time is the gate, and the time says when.
  const seen_column *flag_beside(const seen_column &time) const {
    const auto stem = time.name.substr(0, time.name.size() - 3);
    for (const auto *start : {"is_", "has_", ""})
      if (const auto *flag = named(start + stem); flag != nullptr && flag->type == "boolean") return flag;
    return &time;
  }

  void add_gate(const seen_column &gate, std::string &arguments, std::string &comments) const {
    const bool time = is_time(gate);
    auto stem = gate.name;
    if (ends_with(stem, "_at")) stem.resize(stem.size() - 3);
    for (const std::string start : {"is_", "has_"})
      if (stem.rfind(start, 0) == 0) stem.erase(0, start.size());
    arguments += fmt::format(",\n    gate => {}", literal(gate.name));
    comments += fmt::format("-- {} is {} once; with it the row is {}, and no stale save may undo that.\n", gate.name,
                            time ? "set" : "made true", stem);
    if (time && gate.type == "timestamp without time zone")
      comments += "-- It has no time zone: say which it is in, as time_zone => 'UTC'.\n";
    if (!time)
      if (const auto *at = named(stem + "_at"); at != nullptr && is_time(*at) && !at->not_null)
        arguments += fmt::format(",\n    gate_at => {}", literal(at->name));
    for (const auto *end : {"_by", "_by_id", "_by_user_id"}) {
      const auto *actor = named(stem + end);
      if (actor == nullptr || actor->not_null) continue;
      arguments += fmt::format(",\n    actor => {}", literal(actor->name));
      break;
    }
    const auto fits = [](const seen_column &c) { return c.type == "uuid" || c.type == "text"; };
    if (const auto *key = find(keys, fits))
      arguments += fmt::format(",\n    idempotency_key => {}", literal(key->name));
    comments +=
        "-- Add to owned => ARRAY[...] what only the one who submits may set, to frozen => ARRAY[...] what is fixed "
        "then.\n";
  }

  const seen_column *states() const {
    for (const auto *name : {"status", "state"}) {
      const auto *column = named(name);
      if (column == nullptr) continue;
      if (column->values.size() > 1 || column->type == "text" || column->type.rfind("character varying", 0) == 0)
        return column;
    }
    return nullptr;
  }

  static bool is_known(const std::string &state) {
    return is_one_of(state, begun) || is_one_of(state, working) || is_one_of(state, ended);
  }

  // All its states are known words, among them some that end a row.
  static bool is_job(const seen_column &column) {
    return !column.values.empty() && std::all_of(column.values.begin(), column.values.end(), is_known) &&
           std::any_of(column.values.begin(), column.values.end(), [](const auto &s) { return is_one_of(s, ended); });
  }

  static void add_states(const seen_column &column, std::string &arguments, std::string &comments) {
    if (!is_job(column)) {
      const auto states =
          column.values.empty() ? std::string{"..."} : fmt::format("{}", fmt::join(column.values, ", "));
      comments += commented(fmt::format(
          "{0} ({1}): which state leads to which is not to be seen here. All of them are keys, as in\n"
          "    states => '{{\"{0}\": {{\"queued\": [\"running\"], \"running\": [\"done\"], \"done\": []}}}}'\n",
          column.name, states));
      return;
    }
    std::string graph;
    for (const auto &state : column.values) {
      names next;
      for (const auto &other : column.values) {
        if (other == state || is_one_of(state, ended)) continue;
        if (is_one_of(state, begun) ? !is_one_of(other, begun) : true) next.push_back(json_string(other));
      }
      graph += fmt::format("{}\n        {}: [{}]", graph.empty() ? "" : ",", json_string(state), fmt::join(next, ", "));
    }
    arguments +=
        fmt::format(",\n    states => {}", literal(fmt::format("{{{}: {{{}}}}}", json_string(column.name), graph)));
    comments += fmt::format(
        "-- {}: guessed from the words. Take out what must not happen; a state without a way out is final.\n",
        column.name);
  }

  // They have no mode observe, so they are printed as comments.
  std::string tallies_of() {
    std::string text;
    for (const auto &reference : table_.referred_by) {
      std::string counters;
      for (const auto &column : table_.columns) {
        if (!is_integer(column) || !column.writable || column.in_key || is_counted(column.name)) continue;
        const auto condition = condition_of(column.name, reference);
        if (!condition) continue;
        counters +=
            fmt::format("{}{}: {}", counters.empty() ? "" : ", ", json_string(column.name), json_string(*condition));
        counted_.push_back(column.name);
      }
      if (counters.empty()) continue;
      text += commented(fmt::format(
          "{} counts rows of {}. A tally counts those that are there at once, and from then on keeps the column by\n"
          "itself: what the application writes there is put back. There is no mode observe, so it is not run here.\n"
          "SELECT ratchet.tally(\n    {}, {},\n    counters => {}{});\n",
          table_.name, reference.child, literal(reference.child), literal(table_.name), literal("{" + counters + "}"),
          completion()));
      text += '\n';
    }
    return text;
  }

  // What is counted by a column of this name, if that can be told.
  std::optional<std::string> condition_of(const std::string &counter, const seen_reference &reference) const {
    if (is_number_of(counter, reference.child_name)) return "true";
    if (!ends_with(counter, "_count") || table_.referred_by.size() != 1) return std::nullopt;
    const auto stem = counter.substr(0, counter.size() - 6);
    for (const auto &column : reference.child_columns)
      if (column.type == "boolean" && (column.name == stem || column.name == "is_" + stem)) return column.quoted;
    if (stem == "evaluated" || stem == "processed" || stem == "done") return "true";
    return std::nullopt;
  }

  std::string completion() {
    const auto *total = find(totals, [](const seen_column &c) { return is_integer(c); });
    const auto *done = find(dones, [](const seen_column &c) { return c.type == "boolean"; });
    if (total == nullptr || done == nullptr) return {};
    counted_.push_back(done->name);
    auto text = fmt::format(",\n    total => {}, done => {}", literal(total->name), literal(done->name));
    if (const auto *at = named("completed_at"); at != nullptr && is_time(*at) && !at->not_null) {
      counted_.push_back(at->name);
      text += fmt::format(", done_at => {}", literal(at->name));
    }
    return text;
  }

  const seen_table &table_;
  names counted_;  // columns that a tally would write, which a guard must leave alone
};

}  // namespace

std::string suggestions_for(const std::vector<seen_table> &tables) {
  std::string text;
  for (const auto &table : tables) text += suggesting{table}.text();
  if (text.empty())
    return "-- Nothing here without a contract has the name and type of a gate, a state, a heartbeat or a counter. "
           "What "
           "contracts\n"
           "-- are for is in docs/guide/recipes.md.\n";
  return "-- Suggested by pg_ratchet init, from names and types alone: read it, take out what is wrong, then run it. "
         "Guards\n"
         "-- only observe at first: what they would keep goes through, and is in the server's log. Once nothing there "
         "is a\n"
         "-- surprise, declare them again without the mode.\n\nSET lock_timeout = '2s';  -- rather than queue in front "
         "of the table's writers: repeat\n\n" +
         text + "RESET lock_timeout;\n";
}

}  // namespace ratchet::cli
