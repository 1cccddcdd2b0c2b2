#include "command/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ratchet/stuck.hpp>
#include <ratchet/value.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "command/duration.hpp"
#include "terminal/cell_text.hpp"
#include "terminal/lines.hpp"

namespace ratchet::cli {

namespace {

// How many rows are moved, and locked, at once.
constexpr int batch_size = 1000;

std::string last_sign(const std::optional<std::chrono::microseconds> &age) {
  return age ? "last sign of life " + age_text(*age) + " ago" : "no sign of life";
}

nlohmann::json text_or_null(const std::optional<std::string> &text) { return text ? nlohmann::json(*text) : nullptr; }

nlohmann::json time_of(const std::optional<timestamp> &since) {
  return since ? value{*since}.json() : nlohmann::json{};
}

nlohmann::json seconds_of(const std::optional<std::chrono::microseconds> &age) {
  return age ? nlohmann::json(static_cast<double>(age->count()) / 1e6) : nlohmann::json{};
}

void print(const std::vector<stuck_row> &found, const sweep_arguments &asked) {
  if (asked.json) {
    auto all = nlohmann::json::array();
    for (const auto &row : found) {
      all.push_back({{"key", row.key},
                     {"state", text_or_null(row.state)},
                     {"since", time_of(row.since)},
                     {"age_seconds", seconds_of(row.age)}});
    }
    fmt::print("{}\n", all.dump(2));
    return;
  }
  for (const auto &row : found) {
    fmt::print("{} {}: {}, {}\n", asked.table, printable(on_one_line(row.key)),
               printable(row.state.value_or("no state")), last_sign(row.age));
  }
  if (found.empty()) {
    fmt::print("Nothing is stuck.\n");
  } else {
    fmt::print("{} stuck; nothing was moved.\n", found.size());
  }
}

void print(const std::vector<swept_row> &moved, const sweep_arguments &asked) {
  if (asked.json) {
    auto all = nlohmann::json::array();
    for (const auto &row : moved) {
      all.push_back({{"key", row.key},
                     {"was", text_or_null(row.was)},
                     {"state", row.state},
                     {"since", time_of(row.since)},
                     {"age_seconds", seconds_of(row.age)}});
    }
    fmt::print("{}\n", all.dump(2));
    return;
  }
  for (const auto &row : moved) {
    fmt::print("{} {}: {} -> {}, {}\n", asked.table, printable(on_one_line(row.key)),
               printable(row.was.value_or("no state")), printable(row.state), last_sign(row.age));
  }
  if (moved.empty()) {
    fmt::print("Nothing to move.\n");
  } else {
    fmt::print("{} moved to {}.\n", moved.size(), asked.to);
  }
}

sweep call_of(const sweep_arguments &asked, std::chrono::microseconds older_than) {
  sweep call{asked.table, older_than, asked.to};
  if (!asked.state.empty()) call.state(asked.state);
  if (!asked.since.empty()) call.since(asked.since);
  for (const auto &text : asked.set) {
    const auto assignment = assignment_of(text).value();
    call.set(assignment.first, assignment.second);
  }
  return call;
}

std::vector<stuck_row> find(session &database, const sweep_arguments &asked) {
  stuck call{asked.table, asked.older_than};
  if (!asked.state.empty()) call.state(asked.state);
  if (!asked.since.empty()) call.since(asked.since);
  auto found = stuck::read(database.run(call.to_statement()));
  if (asked.limit) found.resize(std::min(found.size(), static_cast<std::size_t>(*asked.limit)));
  return found;
}

// Moves batch after batch, each committed by itself, until there is nothing left to move. Where others put rows back at
// once that still look stuck, the same ones come again and again: then it is enough, too.
void move(session &database, const sweep_arguments &asked, std::vector<swept_row> &moved) {
  // Above it, a row that has changed since the snapshot would be an error.
  (void)database.run({"SET default_transaction_isolation = 'read committed'", {}});
  auto call = call_of(asked, asked.older_than);
  std::set<std::string> seen;
  for (bool any_new = true; any_new;) {
    any_new = false;
    int size = batch_size;
    if (asked.limit) size = std::min(size, *asked.limit - static_cast<int>(moved.size()));
    if (size == 0) return;
    for (auto &row : sweep::read(database.run(call.limit(size).to_statement()))) {
      any_new = seen.insert(row.key).second || any_new;
      moved.push_back(std::move(row));
    }
  }
}

}  // namespace

std::optional<std::pair<std::string, std::string>> assignment_of(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  return std::pair{std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)}};
}

std::string age_text(std::chrono::microseconds age) {
  constexpr std::array<std::pair<const char *, long long>, 4> units{{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}};
  long long left = std::max<long long>(std::chrono::duration_cast<std::chrono::seconds>(age).count(), 0);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto [name, length] = units[i];
    if (left < length) continue;
    auto text = fmt::format("{} {}", left / length, name);
    left %= length;
    if (i + 1 < units.size() && left >= units[i + 1].second) {
      text += fmt::format(" {} {}", left / units[i + 1].second, units[i + 1].first);
    }
    return text;
  }
  return "0 s";
}

CLI::App &declare_sweep(CLI::App &app, sweep_arguments &arguments) {
  auto &command = *app.add_subcommand("sweep", R"(Moves rows that no worker is processing any more to another state.

It moves what ratchet.stuck() finds, oldest first, and commits every thousand rows, until nothing is left. A row that
somebody has locked is left out, because its worker is alive; one whose move would have to wait is left to the next run.
Only a COMMIT may wait, for who has written counts of the same parent. Ctrl-C takes the batch that it is at back; what
was moved before stays.

Exit code: 0 done, 2 bad usage or an error, 130 interrupted; with --dry-run 0 nothing is stuck, 1 something is.)");
  command.add_option("--table", arguments.table, "The table, written as in SQL")->required()->type_name("TABLE");
  add_duration(command, "--older-than", arguments.older_than, std::chrono::microseconds{0}, std::chrono::hours{876000},
               "How long a row has shown no sign of life, such as 10min")
      ->required();
  command.add_option("--to", arguments.to, "The state to move them to")->required()->type_name("STATE");
  command
      .add_option("--state", arguments.state,
                  "Only rows in this state, including those that have never shown a sign of life")
      ->type_name("STATE");
  command
      .add_option("--since", arguments.since, "The time column to judge by (default: the heartbeat of the contract)")
      ->type_name("COLUMN");
  command.add_option("--set", arguments.set, "Set this column of every row that is moved; may be given again")
      ->allow_extra_args(false)
      ->check(CLI::Validator(
          [](const std::string &text) {
            return assignment_of(text) ? std::string{} : "'" + text + "' is not column=value";
          },
          ""))
      ->type_name("COLUMN=VALUE");
  command.add_option("--limit", arguments.limit, "Move at most so many rows, those that have been stuck longest")
      ->check(CLI::Range(1, 1000000000))
      ->type_name("N");
  command.add_flag("--dry-run", arguments.dry_run, "List what is stuck, and move nothing");
  declare_session(command, arguments);
  command.footer(
      "Examples:\n"
      "  pg_ratchet sweep --table jobs --older-than 10min --to failed --dry-run\n"
      "  pg_ratchet sweep --table jobs --older-than 10min --to queued --state running --set 'note=swept'\n"
      "  pg_ratchet sweep --table app.interviews --older-than 1h --to failed --since updated_at --json\n");
  return command;
}

exit_code sweep_rows(const sweep_arguments &arguments) {
  if (arguments.dry_run) {
    return with_session(arguments, [&](session &database) {
      const auto found = find(database, arguments);
      print(found, arguments);
      return found.empty() ? exit_fine : exit_lost;
    });
  }
  std::vector<swept_row> moved;
  const auto code = with_session(
      arguments,
      [&](session &database) {
        move(database, arguments, moved);
        return exit_fine;
      },
      [](std::string_view notice) { fmt::print(stderr, "{}", notice); });
  if (code == exit_fine || !moved.empty()) print(moved, arguments);
  if (code == exit_interrupted) fmt::print(stderr, "What was moved stays. Run it again for the rest.\n");
  return code;
}

}  // namespace ratchet::cli
