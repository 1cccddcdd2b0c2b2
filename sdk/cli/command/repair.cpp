#include "command/repair.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <ratchet/verify.hpp>
#include <vector>

#include "terminal/live_line.hpp"
#include "terminal/meter.hpp"

namespace ratchet::cli {

namespace {

verify question(const std::string &table) { return table.empty() ? verify{} : verify{table}; }

std::string text_of(const std::optional<std::string> &value) { return value.value_or("NULL"); }

nlohmann::json json_of(const drift &d) {
  const auto maybe = [](const std::optional<std::string> &value) {
    return value ? nlohmann::json(*value) : nlohmann::json{};
  };
  return {{"parent", d.parent}, {"child", d.child},          {"key", d.key},
          {"column", d.column}, {"stored", maybe(d.stored)}, {"counted", maybe(d.counted)}};
}

void print(const std::vector<drift> &found, const counters_arguments &asked) {
  if (asked.json) {
    auto all = nlohmann::json::array();
    for (const auto &d : found) all.push_back(json_of(d));
    fmt::print("{}\n", all.dump(2));
    return;
  }
  for (const auto &d : found) {
    fmt::print("{} {}: {} is {}, by {} it should be {}\n", d.parent, d.key.dump(), d.column, text_of(d.stored), d.child,
               text_of(d.counted));
  }
  if (found.empty()) {
    fmt::print("No counter differs{}.\n", asked.table.empty() ? " in the tallies of tables that you own" : "");
  } else {
    fmt::print("{} wrong. pg_ratchet repair sets them right while writers go on.\n", found.size());
  }
}

// How far a repair is, and what it has come to.
class repair_progress {
 public:
  void hear(std::string_view notice) {
    const auto step = repair_step_of(notice);
    if (!step) {
      line_.clear();
      fmt::print(stderr, "{}", notice);  // of a function on_done, or that there is nothing to do
      return;
    }
    // One table may have several tallies, which are repaired one after the other.
    if (steps_.empty() || steps_.back().table != step->table || step->looked_at <= steps_.back().looked_at) {
      steps_.emplace_back();
    }
    steps_.back() = *step;
    line_.show(fmt::format("{} {}, {} repaired", step->table, bar_text(step->looked_at, step->rows, line_.width() - 40),
                           step->repaired));
  }

  void clear() { line_.clear(); }
  const std::vector<repair_step> &steps() const { return steps_; }

 private:
  live_line line_;
  std::vector<repair_step> steps_;
};

void print(const repair_progress &progress, bool json) {
  if (json) {
    auto all = nlohmann::json::array();
    for (const auto &step : progress.steps()) {
      all.push_back(
          {{"table", step.table}, {"rows", step.rows}, {"looked_at", step.looked_at}, {"repaired", step.repaired}});
    }
    fmt::print("{}\n", all.dump(2));
    return;
  }
  for (const auto &step : progress.steps()) {
    fmt::print("{}: {} of {} rows that differed were looked at, {} repaired\n", step.table, step.looked_at, step.rows,
               step.repaired);
  }
  if (progress.steps().empty()) fmt::print("Nothing to repair.\n");
}

void declare_table(CLI::App &command, counters_arguments &arguments) {
  command.add_option("table", arguments.table,
                     "A parent or a child, as in SQL; without it all tallies of tables that you own");
  declare_session(command, arguments);
}

}  // namespace

std::optional<repair_step> repair_step_of(std::string_view notice) {
  const auto start = notice.find(":  ");  // behind "INFO", in whatever language
  if (start == std::string_view::npos) return std::nullopt;
  std::string text{notice.substr(start + 3)};
  const auto colon = text.rfind(": ");
  repair_step step;
  if (colon == std::string::npos || std::sscanf(text.c_str() + colon, ": %lld of %lld rows looked at, %lld repaired",
                                                &step.looked_at, &step.rows, &step.repaired) != 3) {
    return std::nullopt;
  }
  step.table = text.substr(0, colon);
  return step;
}

CLI::App &declare_verify(CLI::App &app, counters_arguments &arguments) {
  auto &command = *app.add_subcommand("verify",
                                      R"(Counts anew and lists the counters that differ.

Each tally is counted in one snapshot, so that writers need not stop; all children are read. Without a table it looks at
the tallies of tables that you own.

Exit code: 0 all counters are right, 1 some are not, 2 bad usage or an error, 130 interrupted.)");
  declare_table(command, arguments);
  command.footer("Examples:\n  pg_ratchet verify\n  pg_ratchet verify public.runs --dsn 'host=db dbname=app' --json\n");
  return command;
}

exit_code verify_counters(const counters_arguments &arguments) {
  return with_session(arguments, [&](session &database) {
    const auto found = verify::read(database.run(question(arguments.table).to_statement()));
    print(found, arguments);
    return found.empty() ? exit_fine : exit_lost;
  });
}

CLI::App &declare_repair(CLI::App &app, counters_arguments &arguments) {
  auto &command = *app.add_subcommand("repair",
                                      R"(Sets right what verify would list, row by row, while writers go on.

It commits every hundred rows. Ctrl-C ends it between two of them or takes the hundred that it is at back; run it again
and it goes on with what is left.

Exit code: 0 done, 2 bad usage or an error, 130 interrupted.)");
  declare_table(command, arguments);
  command.footer("Examples:\n  pg_ratchet repair\n  pg_ratchet repair public.runs --json\n");
  return command;
}

exit_code repair_counters(const counters_arguments &arguments) {
  repair_progress progress;
  const std::optional<std::string> table =
      arguments.table.empty() ? std::optional<std::string>{} : std::optional{arguments.table};
  const auto code = with_session(
      arguments,
      [&](session &database) {
        // It refuses the others, which may be the role's default.
        (void)database.run({"SET default_transaction_isolation = 'read committed'", {}});
        (void)database.run({"CALL ratchet.repair($1::pg_catalog.regclass)", {table}});
        return exit_fine;
      },
      [&](std::string_view notice) { progress.hear(notice); });
  progress.clear();
  if (code == exit_fine || !progress.steps().empty()) print(progress, arguments.json);
  if (code == exit_interrupted) fmt::print(stderr, "What was repaired stays. Run it again for the rest.\n");
  return code;
}

}  // namespace ratchet::cli
