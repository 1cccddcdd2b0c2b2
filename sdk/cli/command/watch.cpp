#include "command/watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ratchet/error.hpp>
#include <ratchet/progress.hpp>
#include <stdexcept>
#include <thread>

#include "command/duration.hpp"
#include "terminal/cell_text.hpp"
#include "terminal/live_line.hpp"
#include "terminal/meter.hpp"

namespace ratchet::cli {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::vector<watched_tally> tallies_of(session &database, const std::string &table) {
  const auto answer = database.run(
      {"SELECT total, total_of, COALESCE(notify, false)::pg_catalog.text FROM ratchet.contract"
       " WHERE kind = 'tally' AND parent = $1::pg_catalog.regclass ORDER BY total IS NULL, target::pg_catalog.text",
       {table}});
  std::vector<watched_tally> result;
  for (const auto &line : answer) {
    result.push_back({line[0].value_or(""), line[1].value_or(""), line[2] == "true"});
  }
  return result;
}

bool is_object(const std::string &key) { return nlohmann::json::parse(key, nullptr, false).is_object(); }

progress question(const watch_arguments &arguments) {
  if (is_object(arguments.key)) return {arguments.table, key{nlohmann::json::parse(arguments.key)}};
  return {arguments.table, arguments.key};
}

std::optional<std::int64_t> integer(const nlohmann::json &columns, const std::string &name) {
  const auto found = columns.find(name);
  if (found == columns.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

sighting look(session &database, const progress &asked, const std::vector<watched_tally> &tallies) {
  const auto answer = progress::read(database.run(asked.to_statement()));
  if (!answer) throw std::runtime_error("there is no such row");
  sighting seen;
  seen.columns = answer.progress->columns;
  seen.done = answer.progress->done;
  if (!tallies.empty() && !tallies.front().total.empty()) {
    seen.counted = integer(seen.columns, tallies.front().total_of);
    seen.total = integer(seen.columns, tallies.front().total);
  }
  return seen;
}

std::string columns_text(const nlohmann::json &columns) {
  std::string text;
  for (const auto &[name, value] : columns.items()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", printable(name), printable(value.dump()));
  }
  return text;
}

std::string line_text(const sighting &seen, const meter &speed, int width) {
  if (!seen.counted || !seen.total) return columns_text(seen.columns);
  auto text = bar_text(*seen.counted, *seen.total, width - 30);
  if (const auto rate = speed.rate()) text += fmt::format("  {:.1f}/s", *rate);
  const auto left = speed.left(*seen.total);
  if (left && !complete(seen)) text += fmt::format("  {} left", duration_text(*left));
  return text;
}

nlohmann::json json_of(const sighting &seen, const meter &speed) {
  nlohmann::json line{{"columns", seen.columns}, {"complete", complete(seen)}};
  if (seen.counted && seen.total) {
    line["counted"] = *seen.counted;
    line["total"] = *seen.total;
    if (const auto rate = speed.rate()) line["per_second"] = *rate;
    if (const auto left = speed.left(*seen.total)) line["seconds_left"] = left->count();
  }
  return line;
}

// Tells what was seen; in JSON each change, otherwise as the line decides.
class teller {
 public:
  explicit teller(bool json) : json_(json) {}

  void tell(const sighting &seen) {
    if (seen.counted) speed_.add(clock::now(), *seen.counted);
    const bool changed = seen.columns != told_;
    told_ = seen.columns;
    if (!json_) return line_.show(line_text(seen, speed_, line_.width()), complete(seen));
    if (!changed) return;
    fmt::print("{}\n", json_of(seen, speed_).dump());
    std::fflush(stdout);
  }

  void end(const sighting &seen) {
    line_.clear();
    if (!json_) fmt::print("{}: {}\n", complete(seen) ? "complete" : "not complete", columns_text(seen.columns));
  }

 private:
  bool json_;
  live_line line_;
  meter speed_;
  nlohmann::json told_;
};

// Where nobody can listen, as on a standby, asking now and then has to do.
void listen(session &database) {
  try {
    (void)database.run({"LISTEN ratchet", {}});
  } catch (const error &) {
  }
}

exit_code follow(session &database, const watch_arguments &arguments) {
  const auto tallies = tallies_of(database, arguments.table);
  const auto asked = question(arguments);
  // Listening first, looking then: what completes in between is heard.
  const auto notifies = [](const watched_tally &tally) { return tally.notify; };
  if (std::any_of(tallies.begin(), tallies.end(), notifies)) listen(database);

  const auto begun = clock::now();
  teller teller{arguments.json};
  for (;;) {
    constexpr std::chrono::milliseconds shortest{50};  // between two questions, however much is notified
    const auto asked_at = clock::now();
    const auto seen = look(database, asked, tallies);
    teller.tell(seen);
    const bool over = arguments.timeout.count() > 0 && clock::now() - begun >= arguments.timeout;
    if (complete(seen) || over) {
      teller.end(seen);
      return complete(seen) ? exit_fine : exit_incomplete;
    }
    database.wait(std::chrono::duration_cast<std::chrono::milliseconds>(arguments.interval));
    std::this_thread::sleep_until(asked_at + shortest);
  }
}

}  // namespace

bool complete(const sighting &seen) {
  if (seen.done) return *seen.done;
  return seen.counted && seen.total && *seen.total > 0 && *seen.counted >= *seen.total;
}

CLI::App &declare_watch(CLI::App &app, watch_arguments &arguments) {
  auto &command = *app.add_subcommand("watch",
                                      R"(Follows the counters of one row until it is complete.

On a terminal it shows a bar with the rate of the last half minute and the time that is left at this rate; elsewhere it
prints a line a second at most. With --json each change is a line of JSON. It asks every --interval; where the tally
says notify => true, completion is heard at once.

Exit code: 0 complete, 2 bad usage, no such row or an error, 3 not complete when --timeout was over,
130 interrupted.)");
  command.add_option("table", arguments.table, "The table with the counters, as in SQL")->required();
  command.add_option("key", arguments.key, "The row's key; of several columns as a JSON object")->required();
  add_duration(command, "--interval", arguments.interval, 50ms, 1h, "How often it asks (default: 1s)");
  add_duration(command, "--timeout", arguments.timeout, 50ms, 2400h, "Give up after this time (default: never)");
  declare_session(command, arguments);
  command.footer(
      R"(Examples:
  pg_ratchet watch runs 42
  pg_ratchet watch defences '{"project_id": 1, "year": 2026}' --json --timeout 10min
)");
  return command;
}

exit_code watch(const watch_arguments &arguments) {
  return with_session(arguments, [&](session &database) { return follow(database, arguments); });
}

}  // namespace ratchet::cli
