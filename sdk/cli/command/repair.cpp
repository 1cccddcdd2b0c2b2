#include "command/repair.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "terminal/live_line.hpp"
#include "terminal/meter.hpp"

namespace ratchet::cli {

namespace {

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

CLI::App &declare_repair(CLI::App &app, counters_arguments &arguments) {
  auto &command = *app.add_subcommand("repair",
                                      R"(Sets right what verify would list, row by row, while writers go on.

It commits every hundred rows. Ctrl-C ends it between two of them or takes the hundred that it is at back; run it again
and it goes on with what is left.

Exit code: 0 done, 2 bad usage or an error, 130 interrupted.)");
  declare_counters(command, arguments);
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
        // It refuses the others, which may be the role's default. Only then: a pooler would hand the setting on.
        (void)database.run(
            {"SELECT pg_catalog.set_config('default_transaction_isolation', 'read committed', false)"
             " WHERE pg_catalog.current_setting('default_transaction_isolation')"
             " OPERATOR(pg_catalog.<>) 'read committed'",
             {}});
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
