#include "command/counters_arguments.hpp"

namespace ratchet::cli {

void declare_counters(CLI::App &command, counters_arguments &arguments) {
  command.add_option("table", arguments.table,
                     "A parent or a child, as in SQL; without it all tallies of tables that you own");
  declare_session(command, arguments);
}

}  // namespace ratchet::cli
