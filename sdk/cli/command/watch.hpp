// The subcommand watch.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "command/exit_code.hpp"
#include "command/session.hpp"

namespace ratchet::cli {

struct watch_arguments : session_options {
  std::string table;
  std::string key;
  std::chrono::microseconds interval = std::chrono::seconds{1};
  std::chrono::microseconds timeout{0};  // 0: none
};

CLI::App &declare_watch(CLI::App &app, watch_arguments &arguments);
exit_code watch(const watch_arguments &arguments);

// A tally of the parent, as far as watching it takes.
struct watched_tally {
  std::string total;     // the column with the total; empty: none
  std::string total_of;  // the counter that is compared with it
  bool notify = false;
};

// What is known of the parent at one moment.
struct sighting {
  std::optional<std::int64_t> counted;  // by the first tally with a total, as is the next
  std::optional<std::int64_t> total;
  std::optional<bool> done;
  nlohmann::json columns;
};

// Whether there is nothing more to wait for: all that is declared as done is true; where nothing is declared, the total
// is reached.
bool complete(const sighting &seen);

}  // namespace ratchet::cli
